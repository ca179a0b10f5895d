/**
 * Loads modules of `extension/src` for unit tests. They are written for Raycast's bundler, so esbuild bundles them as
 * `ray build` does. `@raycast/api` has names only: `Icon.Check` is that text, and any call throws.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeUnless } from '#test/harness/skipping.js';
import { extensionFolder, whyNotBuilt } from '#test/raycast/build-extension.js';

const execute = promisify(execFile);

const NAMES_ONLY = `
const named = (path) => new Proxy(() => { throw new Error('Raycast is not available in unit tests: ' + path); }, {
  get: (_, name) => name === Symbol.toPrimitive || name === 'toString' ? () => path : named(path + '.' + String(name)),
});
module.exports = new Proxy({}, { get: (_, name) => name === '__esModule' ? false : named(String(name)) });
`;

/**
 * A suite about one module, skipped if the extension's packages cannot be installed.
 * @param name path below `extension/src` without an extension
 * @typeParam T the exports that its tests use
 */
export async function describeModule<T>(name: string, about: (lib: T) => void): Promise<void> {
  const reason = await whyNotBuilt();
  const lib = reason === undefined ? await loadModule<T>(name) : ({} as T);
  describeUnless(reason)(name, () => about(lib));
}

async function loadModule<T>(name: string): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'extension-module-'));
  try {
    const api = join(folder, 'api.cjs');
    writeFileSync(api, NAMES_ONLY);
    const out = join(folder, 'module.cjs');
    await execute(
      join(extensionFolder, 'node_modules/.bin/esbuild'),
      [
        join(extensionFolder, 'src', `${name}.ts`),
        ...['--bundle', '--platform=node', '--format=cjs', '--log-level=warning'],
        ...[`--alias:@raycast/api=${api}`, `--outfile=${out}`],
      ],
      { cwd: extensionFolder },
    );
    return createRequire(import.meta.url)(out) as T;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
