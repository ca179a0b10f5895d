/** A reader of messages that leaves must not take the text with it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { bundledSpeech, launcher } from '#daemon/paths.js';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'sotto-'));
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

/** @param redirect what the shell does with standard error */
function transcribe(redirect: string): { status: number | null; text: string } {
  // Enough messages to overflow the pipe of a reader that has left.
  const missing = Array.from({ length: 400 }, (_, i) => join(home, `missing-${String(i)}.wav`));
  const speech = join(bundledSpeech, 'jfk.flac');
  const run = spawnSync(
    'bash',
    [
      '-c',
      `"$@" ${redirect}`,
      'bash',
      process.execPath,
      launcher,
      'transcribe',
      '--no-daemon',
      ...missing,
      speech,
    ],
    { encoding: 'utf8', env: { ...process.env, SOTTO_HOME: home }, timeout: 100_000 },
  );
  return { status: run.status, text: run.stdout };
}

test('writes the complete text if the reader of stderr has left', () => {
  const { status, text } = transcribe('2> >(head -1 >&2)');
  expect(text).toMatch(/ask not what your country/i);
  expect(status).toBe(1);
});

test('one reader of both streams that leaves after a line gets that line, and no system error', () => {
  const { text } = transcribe('2>&1 | head -1');
  expect(text.trim().split('\n')).toHaveLength(1);
  expect(text).not.toMatch(/EPIPE|bug in Sotto/);
});
