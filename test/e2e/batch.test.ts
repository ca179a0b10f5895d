import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { SottoClient } from '#daemon/client/index.js';
import { writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoProcess, type SottoResult } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const home = withHome();

/** Not over by itself while a test watches it. */
const FOR_LONG = { segments: 400, delayMs: 50 } as const;

function audio(name: string, script: Partial<FakeScript> = {}): string {
  const path = join(home.folder, 'in', name);
  mkdirSync(dirname(path), { recursive: true });
  return writeFakeAudio(path, script);
}

function many(count: number, script: Partial<FakeScript> = {}): void {
  for (let n = 0; n < count; n++) audio(`${String(n).padStart(2, '0')}.wav`, script);
}

function run(args: string[], env: Record<string, string> = {}): Promise<SottoResult> {
  return sotto(['transcribe', ...args], { home: home.folder, cwd: home.folder, env });
}

function start(args: string[]): SottoProcess {
  return startSotto(['transcribe', ...args], { home: home.folder, cwd: home.folder });
}

/** Names of the texts below a folder, including drafts. */
function texts(folder: string): string[] {
  return readdirSync(join(home.folder, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(txt|srt|json|part)$/.test(name))
    .sort();
}

function attempts(name: string): number {
  const counter = join(home.folder, 'in', `${name}.attempts`);
  return existsSync(counter) ? Number(readFileSync(counter, 'utf8')) : 0;
}

async function daemonPid(): Promise<number> {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  client.close();
  return client.daemon.pid;
}

describe('sotto transcribe FOLDER', () => {
  test('writes each text next to its file, prints nothing, and ends with a summary', async () => {
    audio('b.wav');
    audio('a/c.mp3');
    audio('a/bad.flac', { failAfter: 0 });
    writeFileSync(join(home.folder, 'in', 'text.ogg'), 'no sound');
    const { code, stdout, stderr } = await run(['in', '--recursive', '--format', 'srt']);
    expect([code, stdout]).toEqual([1, '']);
    expect(texts('in')).toEqual(['a/c.srt', 'b.srt']);
    expect(readFileSync(join(home.folder, 'in/b.srt'), 'utf8')).toMatch(
      /^1\n00:00:00,000 --> .+\nsegment 0\n/,
    );
    expect(stderr).toMatch(/^\[\d\/4\] in\/b\.wav → b\.srt {2}0:03 of audio in /m);
    expect(stderr).toMatch(/^\[\d\/4\] sotto: in\/a\/bad\.flac: as the script says — .+$/m);
    expect(stderr).toMatch(/^ {2}done +2 .*\n {2}failed +2\n/m);
  });

  test('without --recursive transcribes only the folder itself; --include and --exclude select files', async () => {
    for (const name of ['a.wav', 'b.mp3', 'c.mp3', 'deep/d.mp3']) audio(name);
    expect((await run(['in', '--include', '*.mp3', '--exclude', 'c*'])).code).toBe(0);
    expect(texts('in')).toEqual(['b.txt']);
  });

  test('rebuilds the tree below --output, and a second call does only missing files', async () => {
    for (const name of ['a.wav', 'x/a.wav', 'x/a.mp3']) audio(name);
    const args = ['in', '-r', '--output', 'out'];
    expect((await run(args)).code).toBe(0);
    expect(texts('out')).toEqual(['a.txt', 'x/a.mp3.txt', 'x/a.wav.txt']);
    rmSync(join(home.folder, 'out', 'x', 'a.mp3.txt'));
    const { code, stderr } = await run(args);
    expect([code, texts('out').length]).toEqual([0, 3]);
    expect(stderr).toMatch(/^ {2}done +1 .*\n {2}skipped +2 {2}/m);
    expect(['a.wav', 'x/a.wav', 'x/a.mp3'].map(attempts)).toEqual([1, 1, 2]);
  });

  test('--summary reports everything as JSON, including what could not be read', async () => {
    const file = audio('a.wav');
    const { code, stdout } = await run(['in', 'missing.wav', '--summary', '-', '--output', 'out']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      files: 2,
      done: 1,
      failed: 1,
      skipped: 0,
      left: 0,
      results: [
        { file, state: 'done', output: join(home.folder, 'out', 'a.txt'), audioSeconds: 3 },
        { file: join(home.folder, 'missing.wav'), state: 'failed', code: 'AUDIO_NOT_FOUND' },
      ],
    });
  });

  test.each([
    [['one.wav', '--jobs', '2'], /--jobs needs a folder — add a folder/],
    [['one.wav', '--watch', '--output', 'out'], /--watch needs a folder/],
    [['in', '--jobs', '0'], /whole number from 1 to 32/],
  ])('%j is a usage error', async (args, message) => {
    audio('a.wav');
    const { code, stderr } = await run(args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('reports that there is nothing to do', async () => {
    mkdirSync(join(home.folder, 'in'));
    expect(await run(['in'])).toMatchObject({ code: 0, stderr: 'sotto: no audio files in in\n' });
  });
});

describe('sotto transcribe FOLDER, interrupted', () => {
  test('a killed run resumes: finished files are not repeated, and no partial text is left', async () => {
    many(11, { segments: 4, delayMs: 20 });
    audio('last.wav', FOR_LONG);
    const first = start(['in']);
    await until(() => texts('in').length >= 4);
    first.kill('SIGKILL');
    await first.done;
    audio('last.wav');
    const done = texts('in').filter((name) => name.endsWith('.txt'));
    const inodes = done.map((name) => statSync(join(home.folder, 'in', name)).ino);
    const { code, stderr } = await run(['in']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^sotto: resuming the run of \d\d:\d\d: \d+ of 12 files done \(--force/m);
    expect(stderr).toMatch(/^ {2}done +12/m);
    expect(texts('in')).toHaveLength(12);
    expect(done.map((name) => statSync(join(home.folder, 'in', name)).ino)).toEqual(inodes);
    // A finished run is over: the next one starts from scratch.
    expect((await run(['in'])).stderr).not.toContain('resuming');
  });

  test.each([
    ['after its text was renamed and before that was recorded', 'in place', 1],
    ['before its text was renamed', 'not in place', 2],
  ])('killed %s: the file is done once', async (_, moment, runs) => {
    audio('a.wav');
    audio('b.wav');
    expect((await run(['in'])).code).toBe(0);
    // As a kill at that moment leaves it.
    const text = moment === 'in place' ? readFileSync(join(home.folder, 'in/a.txt')) : 'another text';
    const db = new DatabaseSync(home.paths.batch);
    db.prepare("UPDATE file SET state = 'working', digest = ? WHERE path LIKE '%a.wav'").run(
      createHash('sha256').update(text).digest('hex'),
    );
    db.exec('UPDATE run SET ended_ms = NULL');
    db.close();
    if (moment !== 'in place') rmSync(join(home.folder, 'in/a.txt'));
    const { code, stderr } = await run(['in']);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ {2}done +2/m)]);
    expect(['a.wav', 'b.wav'].map(attempts)).toEqual([runs, 1]);
  });

  test('Ctrl-C prints how to resume, and exits with 130; --force does everything again', async () => {
    many(7, { segments: 4, delayMs: 20 });
    audio('last.wav', FOR_LONG);
    const first = start(['in', '--jobs', '2']);
    await until(() => texts('in').length >= 2);
    first.kill('SIGINT');
    const { code, stderr } = await first.done;
    audio('last.wav');
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupted: \d of 8 files done; the same command resumes\n$/);
    expect(stderr).toMatch(/^ {2}left +\d {2}run again to resume/m);
    const again = await run(['in', '--force']);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringMatching(/^ {2}done +8/m) });
    expect(again.stderr).not.toContain('resuming');
    expect(attempts('00.wav')).toBe(2);
  });

  test('a second run for the same files fails while the first one runs', async () => {
    audio('long.wav', FOR_LONG);
    const first = start(['in']);
    await until(() => attempts('long.wav') > 0);
    const { code, stderr } = await run(['in']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/another `sotto transcribe` is working on these files/),
    ]);
    first.kill('SIGINT');
    expect((await first.done).code).toBe(130);
  });

  test('continues with a new daemon when the daemon is killed', async () => {
    many(6, { segments: 5, delayMs: 30 });
    const first = start(['in']);
    await until(() => texts('in').length >= 2);
    process.kill(await daemonPid(), 'SIGKILL');
    expect(await first.done).toMatchObject({ code: 0, stderr: expect.stringMatching(/^ {2}done +6/m) });
  });

  test('fails a file that crashes the engine twice, and does the others', async () => {
    many(3);
    audio('01-deadly.wav', { dieAfter: 1, dieTimes: 99 });
    const { code, stderr } = await run(['in']);
    expect([code, texts('in')]).toEqual([1, ['00.txt', '01.txt', '02.txt']]);
    expect(stderr).toMatch(/crashed the speech engine/);
    expect(attempts('01-deadly.wav')).toBe(2);
  });

  test('stops at an error that concerns all files, and resumes later', async () => {
    many(3);
    const { code, stderr } = await run(['in'], { FAKE_ENGINE: 'cannot-start' });
    expect([code, texts('in')]).toEqual([3, []]);
    expect(stderr).toMatch(/sotto: there is no addon — run the set-up\n$/);
    await sotto(['daemon', 'stop'], { home: home.folder });
    expect(await run(['in'])).toMatchObject({ code: 0, stderr: expect.stringMatching(/^ {2}done +3/m) });
  });
});

describe('sotto transcribe FOLDER --watch', () => {
  test('transcribes new and changed files, and exits cleanly', async () => {
    audio('a.wav');
    const watching = start(['in', '-r', '--watch']);
    await until(() => texts('in').length === 1);
    writeFileSync(join(home.folder, 'in', 'broken.wav'), '{');
    audio('deep/b.wav');
    await until(() => texts('in').includes('deep/b.txt') && watching.stderr().includes('broken.wav'));
    audio('broken.wav', { segments: 1 });
    await until(() => texts('in').includes('broken.txt'));
    audio('a.wav', { segments: 7 });
    await until(() => readFileSync(join(home.folder, 'in/a.txt'), 'utf8').includes('segment 6'));
    watching.kill('SIGINT');
    const { code, stderr } = await watching.done;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ {2}done +3/m)]);
    expect(stderr).toContain('watching in (Ctrl-C to stop)');
    // The run is remembered: another one does only what is new.
    const attempted = ['a.wav', 'broken.wav', 'deep/b.wav'].map(attempts);
    const again = start(['in', '-r', '--watch']);
    audio('c.wav');
    await until(() => texts('in').includes('c.txt'));
    again.kill('SIGINT');
    expect((await again.done).code).toBe(0);
    expect(['a.wav', 'broken.wav', 'deep/b.wav'].map(attempts)).toEqual(attempted);
  });
});
