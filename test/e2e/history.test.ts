/** `sotto history` as a command, next to a running daemon. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { History, type StoredDictation } from '#daemon/store/history/index.js';
import { scriptedTexts, writeFakeAudio } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const home = withHome();

function run(...args: string[]): Promise<SottoResult> {
  return sotto(['history', ...args], { home: home.folder, cwd: home.folder });
}

function keep(...dictations: Partial<StoredDictation>[]): void {
  const history = History.open(home.paths.history);
  dictations.forEach((fields, i) =>
    history.add({
      id: `one-${i}`,
      startedMs: Date.now() - 1000 * i,
      durationSeconds: 3,
      text: `words of ${i}`,
      model: 'fake',
      state: 'final',
      ...fields,
    }),
  );
  history.close();
}

describe('sotto history', () => {
  test('a deletion in one process is seen by another, and undone by a third', async () => {
    keep({}, {}, {});
    expect((await run()).stdout.split('\n')).toHaveLength(4);
    expect(await run('delete', 'one-1')).toMatchObject({ code: 0, stdout: '' });
    expect((await run('search', 'words')).stdout).not.toContain('words of 1');
    expect(await run('undo')).toMatchObject({ code: 0 });
    const { stdout } = await run('list', '--json');
    expect(stdout.trim().split('\n')).toHaveLength(3);
    expect(statSync(home.paths.history).mode & 0o777).toBe(0o600);
  });

  test('without a terminal, deletes everything only with --yes', async () => {
    keep({});
    expect(await run('delete', '--all')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes') as unknown,
    });
    expect((await run('show')).stdout).toBe('words of 0\n');
    expect((await run('delete', '--all', '--yes')).code).toBe(0);
    expect((await run('show')).code).toBe(1);
  });

  test('sets how long dictations are kept', async () => {
    keep({}, { startedMs: Date.now() - 8 * 24 * 3600 * 1000, text: 'long ago' });
    expect((await run('keep')).stdout).toContain('for 30 days, without audio');
    expect((await run('keep', '7', '--audio')).stdout).toContain('for 7 days, with audio');
    expect((await run('list', '--json')).stdout).not.toContain('long ago');
    expect((await run('keep', 'forever')).stdout).toContain('forever, with audio');
    expect((await run('keep', '--no-audio')).stdout).toContain('forever, without audio');
    expect(await run('keep', 'soon')).toMatchObject({ code: 2 });
    expect(await run('list', '--json')).toMatchObject({
      stdout: expect.stringContaining('words of 0') as unknown,
    });
  });

  test.each([
    ['by a daemon', []],
    ['--no-daemon', ['--no-daemon']],
  ])('transcribes a failed one again, %s', async (_, flags) => {
    mkdirSync(home.paths.recordings);
    writeFakeAudio(join(home.paths.recordings, 'one-0.wav'), { segments: 3 });
    keep({ state: 'failed', errorCode: 'ENGINE_CRASHED', text: '', audio: 'one-0.wav' });
    const text = scriptedTexts(3).join('').trim();
    expect(await run('retranscribe', 'one', ...flags)).toEqual({
      code: 0,
      signal: null,
      stdout: `after   ${text}\n`,
      stderr: '',
    });
    expect(await run('show')).toMatchObject({ code: 0, stdout: `${text}\n`, stderr: '' });
    // The list shows the new text, and its audio is still there for another model.
    expect((await run()).stdout).not.toContain('failed');
    expect(await run('retranscribe', 'one', ...flags)).toMatchObject({ code: 0 });
  });

  test('leaves one unchanged whose audio is damaged or missing', async () => {
    mkdirSync(home.paths.recordings);
    writeFakeAudio(join(home.paths.recordings, 'one-0.wav'), { failAfter: 1 });
    keep({ audio: 'one-0.wav' }, { audio: 'missing.wav' });
    const cut = await run('retranscribe', 'one-0');
    expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/^sotto: as the script says — .*\n$/)]);
    const missing = await run('retranscribe', 'one-1');
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/^sotto: .*no such file.*\n$/)]);
    expect((await run('show', 'one-0')).stdout).toBe('words of 0\n');
  });

  test('Ctrl-C during a transcription exits with 130 and changes nothing', async () => {
    mkdirSync(home.paths.recordings);
    const path = join(home.paths.recordings, 'one-0.wav');
    writeFakeAudio(path, { segments: 1000, delayMs: 20 });
    keep({ audio: 'one-0.wav' });
    const process = startSotto(['history', 'retranscribe', 'one'], { home: home.folder });
    await until(() => statSync(`${path}.attempts`, { throwIfNoEntry: false }) !== undefined);
    process.kill('SIGINT');
    expect(await process.done).toMatchObject({ code: 130, stdout: '' });
    expect((await run('show')).stdout).toBe('words of 0\n');
  });

  test('the log contains no word of it', async () => {
    mkdirSync(home.paths.recordings);
    writeFakeAudio(join(home.paths.recordings, 'one-0.wav'), { segments: 2 });
    keep({ audio: 'one-0.wav', text: 'a secret' });
    await run('retranscribe', 'one');
    await run('search', 'segment');
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(home.paths.log, 'utf8')).not.toMatch(/secret|segment \d/);
  });
});
