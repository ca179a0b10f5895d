/** Homebrew reads the formula as Ruby; Prism is Ruby's own parser. */
import { describe, expect, test } from '@jest/globals';
import { loadPrism } from '@ruby/prism';
import { load } from './release-modules.js';

const VALUES = {
  version: '0.1.0',
  url: 'https://example.org/releases/latest/download',
  sums: { 'darwin-arm64': 'a'.repeat(64), 'linux-x64': 'b'.repeat(64) },
};

async function errorsIn(ruby: string): Promise<unknown[]> {
  const parse = await loadPrism();
  return parse(ruby).errors.map(({ message }: { message: string }) => message);
}

describe('the formula of a release', () => {
  test('is valid Ruby and lists each file with its sum', async () => {
    const { renderFormula } = await load('launchd/release/formula.mjs');
    const ruby = renderFormula(VALUES);
    expect(await errorsIn(ruby)).toEqual([]);
    expect(await errorsIn(`${ruby}end`)).not.toEqual([]);
    for (const [target, sum] of Object.entries(VALUES.sums)) {
      const file = `${VALUES.url}/sotto-0.1.0-${target}.tgz`;
      expect(ruby).toContain(`url "${file}"\n    sha256 "${sum}"`);
    }
  });

  test('uses the file for macOS 26 where it runs', async () => {
    const { renderFormula } = await load('launchd/release/formula.mjs');
    const sums = { ...VALUES.sums, 'darwin-arm64-macos26': 'c'.repeat(64) };
    const ruby = renderFormula({ ...VALUES, sums });
    expect(await errorsIn(ruby)).toEqual([]);
    expect(ruby).toMatch(
      /if MacOS\.full_version >= "26\.2"\n.*-macos26\.tgz"\n *sha256 "c{64}"\n *else\n.*arm64\.tgz"\n *sha256 "a{64}"/,
    );
  });

  test('lists only the systems of the release', async () => {
    const { renderFormula } = await load('launchd/release/formula.mjs');
    const ruby = renderFormula({ ...VALUES, sums: { 'darwin-arm64': VALUES.sums['darwin-arm64'] } });
    expect(await errorsIn(ruby)).toEqual([]);
    expect(ruby).not.toContain('on_linux');
  });
});
