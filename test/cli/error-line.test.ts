import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { errorLine } from '#daemon/cli/transcribe/transcribe-view.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto } from '#test/harness/run-sotto.js';

const home = withHome();

test.each([
  ['file not found: "/in/talk.mp3"', 'file not found'],
  ['"/in/talk.mp3" is empty (0 bytes)', 'empty (0 bytes)'],
  ['"/in/talk.mp3" has no audio', 'has no audio'],
  ['"/in/other.mp3" is empty', '"/in/other.mp3" is empty'],
  ['no quotes', 'no quotes'],
])('names the file once: %s', (message, reworded) => {
  const line = errorLine(new SottoError('AUDIO_EMPTY', message, { hint: 'look' }), 'in/talk.mp3');
  expect(line).toBe(`sotto: in/talk.mp3: ${reworded} — look`);
});

test('reports errors of the real engine, for files and in a folder', async () => {
  mkdirSync(join(home.folder, 'in'));
  writeFileSync(join(home.folder, 'in', 'noise.mp3'), 'this is text, whatever its name says');
  writeFileSync(join(home.folder, 'in', 'empty.wav'), '');
  const run = (...args: string[]) =>
    sotto(['transcribe', '--no-daemon', ...args], { home: home.folder, cwd: home.folder, realEngine: true });
  const single = await run('none.mp3', 'in/noise.mp3', 'in/empty.wav');
  expect(single.stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^sotto: none\.mp3: file not found — /),
    expect.stringMatching(/^sotto: in\/noise\.mp3: not a supported audio file \(/),
    expect.stringMatching(/^sotto: in\/empty\.wav: empty \(0 bytes\) — /),
  ]);
  const { stderr } = await run('in', 'none.mp3');
  expect(stderr).toMatch(/\] sotto: in\/noise\.mp3: not a supported audio file \(/);
  expect(stderr).toMatch(/\] sotto: none\.mp3: file not found — /);
});
