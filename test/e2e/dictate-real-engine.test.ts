/**
 * Dictation with nothing faked but the speaker: the addon, the starter model, real speech. Missing prerequisites
 * are reported.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { withHome } from '#test/harness/with-home.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const withEngine = describeWithEngine();

const home = withHome();
beforeEach(() => writeFileSync(home.paths.settings, '{}'));

function dictate(...args: string[]): Promise<SottoResult> {
  return sotto(['dictate', '--from', jfk, ...args], { home: home.folder, realEngine: true });
}

withEngine('sotto dictate with the starter model', () => {
  test('transcribes speech, and its committed texts are its text', async () => {
    const { code, stdout } = await dictate('--fast', '--events');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; text?: string });
    const committed = events.map(({ type, text }) => (type === 'committed' ? text : '')).join('');
    const final = events.at(-1);
    expect([code, final?.type, final?.text]).toEqual([0, 'final', committed]);
    expect(errorsIn(JFK_TEXT, committed, 'en').errors).toBeLessThanOrEqual(2);
  });

  test('writes the refined text to a file', async () => {
    const output = join(home.folder, 'text.txt');
    expect(await dictate('--fast', '--language', 'en', '--output', output)).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(errorsIn(JFK_TEXT, readFileSync(output, 'utf8'), 'en').errors).toBeLessThanOrEqual(1);
  });
});
