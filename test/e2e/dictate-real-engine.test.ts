/** Dictation with nothing faked but the speaker: the addon, the starter model, real speech. What is missing here is said. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/word-errors.js';
import { bundledModels, bundledSpeech, packageRoot } from '#daemon/paths.js';
import { findModel } from '#daemon/store/find-model.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { stopDaemon } from '#test/harness/stop-daemon.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

const jfk = join(bundledSpeech, 'jfk.flac');
const SAID =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';

function whatIsMissing(): string | undefined {
  const addon = join(packageRoot, 'native', 'lib', `${process.platform}-${process.arch}`, 'sotto-mlx.node');
  if (!existsSync(addon)) return `the addon is not built (${addon})`;
  try {
    findModel({ models: bundledModels, bundled: bundledModels }, undefined);
  } catch {
    return `the starter model is not in ${bundledModels}`;
  }
  return existsSync(jfk) ? undefined : `${jfk} is missing`;
}

const missing = whatIsMissing();
if (missing !== undefined) console.warn(`dictate-real-engine: skipped, ${missing}`);
const withEngine = missing === undefined ? describe : describe.skip;

let home: TempHome;
beforeEach(() => {
  home = tempHome();
  writeFileSync(home.paths.settings, '{}');
});
afterEach(async () => {
  await stopDaemon(home.paths);
  home.remove();
});

function dictate(...args: string[]): Promise<SottoResult> {
  return sotto(['dictate', '--from', jfk, ...args], { home: home.folder, realEngine: true });
}

withEngine('sotto dictate with the starter model', () => {
  test('writes down what is said, and its committed texts are its text', async () => {
    const { code, stdout } = await dictate('--fast', '--events');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; text?: string });
    const committed = events.map(({ type, text }) => (type === 'committed' ? text : '')).join('');
    const final = events.at(-1);
    expect([code, final?.type, final?.text]).toEqual([0, 'final', committed]);
    expect(errorsIn(SAID, committed, 'en').errors).toBeLessThanOrEqual(2);
  }, 60_000);

  test('puts the refined text into a file', async () => {
    const output = join(home.folder, 'said.txt');
    expect(await dictate('--fast', '--language', 'en', '--output', output)).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(errorsIn(SAID, readFileSync(output, 'utf8'), 'en').errors).toBeLessThanOrEqual(1);
  }, 60_000);
});
