/** How `sotto` treats existing files, in real processes. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';

const home = withHome();
const at = (name: string): string => join(home.folder, name);
const read = (name: string): string => readFileSync(at(name), 'utf8');

function audio(name: string, script: Partial<FakeScript> = {}): string {
  mkdirSync(join(at(name), '..'), { recursive: true });
  return writeFakeAudio(at(name), script);
}

function run(...args: string[]): Promise<SottoResult> {
  return sotto(['transcribe', ...args], { home: home.folder, cwd: home.folder });
}

function attempts(name: string): number {
  return existsSync(at(`${name}.attempts`)) ? Number(read(`${name}.attempts`)) : 0;
}

describe('a folder', () => {
  test('is transcribed once; new, changed and differently requested files are transcribed again', async () => {
    for (const name of ['in/a.wav', 'in/b.wav']) audio(name);
    await run('in');
    const inode = statSync(at('in/a.txt')).ino;
    const second = await run('in');
    expect([second.code, second.stdout]).toEqual([0, '']);
    expect(second.stderr).toBe('  skipped  2  already transcribed (--force repeats them)\n');
    expect([attempts('in/a.wav'), statSync(at('in/a.txt')).ino]).toEqual([1, inode]);
    // A changed input, a new one, a deleted text.
    audio('in/a.wav', { segments: 5 });
    audio('in/c.wav');
    rmSync(at('in/b.txt'));
    expect((await run('in', '--skip-existing')).stderr).toMatch(/^ {2}done +3 /m);
    expect(read('in/a.txt')).toContain('segment 4');
    // Another option replaces Sotto's own texts.
    expect((await run('in', '--language', 'de')).stderr).toMatch(/^ {2}done +3 /m);
    expect((await run('in', '--language', 'de')).stderr).toMatch(/^ {2}skipped +3 /m);
    expect((await run('in', '--language', 'de', '--force')).stderr).toMatch(/^ {2}done +3 /m);
    expect(attempts('in/c.wav')).toBe(3);
  });

  test('keeps, names and counts foreign and edited texts; --overwrite replaces them', async () => {
    for (const name of ['in/a.wav', 'in/b.wav', 'in/c.wav']) audio(name);
    writeFileSync(at('in/a.txt'), 'mine');
    await run('in');
    appendFileSync(at('in/b.txt'), 'corrected');
    const { code, stderr, stdout } = await run('in', '--force', '--summary', '-');
    expect(code).toBe(0);
    expect([read('in/a.txt'), read('in/b.txt').slice(-9)]).toEqual(['mine', 'corrected']);
    const lines = stderr.split('\n');
    expect(lines).toContain(
      'sotto: in/a.txt exists, and Sotto did not write it: kept (--overwrite replaces it)',
    );
    expect(lines).toContain(
      'sotto: in/b.txt has changed since Sotto wrote it: kept (--overwrite replaces it)',
    );
    expect(stderr).toMatch(
      /^ {2}done +1 .*\n {2}kept +2 {2}edited, or not written by Sotto \(--overwrite replaces them\)\n$/m,
    );
    expect(JSON.parse(stdout)).toMatchObject({
      done: 1,
      skipped: 2,
      kept: 2,
      results: [{ reason: 'foreign' }, { reason: 'edited' }, { state: 'done' }],
    });
    expect([attempts('in/a.wav'), attempts('in/b.wav')]).toEqual([0, 1]);
    expect((await run('in', '--overwrite')).stderr).toMatch(/^ {2}done +2 .*\n {2}skipped +1 /m);
    expect([read('in/a.txt'), read('in/b.txt')]).toEqual([read('in/c.txt'), read('in/c.txt')]);
  });

  test('keeps a file that appears during the work', async () => {
    audio('in/a.wav', { segments: 12, delayMs: 50 });
    const working = run('in');
    const { until } = await import('#test/harness/wait.js');
    await until(() => attempts('in/a.wav') > 0);
    writeFileSync(at('in/a.txt'), 'mine');
    const { code, stderr } = await working;
    expect([code, read('in/a.txt')]).toEqual([0, 'mine']);
    expect(stderr).toMatch(/^sotto: in\/a\.txt exists, and Sotto did not write it: kept/m);
    expect(stderr).toMatch(/^ {2}kept +1 /m);
  });

  test('keeps every text without records', async () => {
    audio('in/a.wav');
    await run('in');
    for (const name of readdirSync(home.paths.home)) {
      if (name.startsWith('batch.db')) rmSync(join(home.paths.home, name));
    }
    const { code, stderr } = await run('in', '--force');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^ {2}kept +1 /m)]);
    expect(attempts('in/a.wav')).toBe(1);
  });

  test.each(['json', 'srt', 'vtt', 'tsv', 'html', 'md'])(
    'keeps a file with --format %s, too',
    async (format) => {
      audio('in/a.wav');
      mkdirSync(at('out'));
      writeFileSync(at(`out/a.${format}`), 'mine');
      const { code, stderr } = await run('in', '--format', format, '--output', 'out');
      expect([code, read(`out/a.${format}`)]).toEqual([0, 'mine']);
      expect(stderr).toMatch(/^ {2}kept +1 /m);
    },
  );

  test('--summary refuses a foreign file before the work, and replaces its own', async () => {
    audio('in/a.wav');
    writeFileSync(at('sum.json'), 'mine');
    const { code, stderr } = await run('in', '--summary', 'sum.json');
    expect([code, read('sum.json'), attempts('in/a.wav')]).toEqual([1, 'mine', 0]);
    expect(stderr).toMatch(/sum\.json exists, and Sotto did not write it — .*--overwrite/);
    expect((await run('in', '--summary', 'own.json')).code).toBe(0);
    expect((await run('in', '--summary', 'own.json')).code).toBe(0);
    expect(JSON.parse(read('own.json'))).toMatchObject({ done: 0, skipped: 1 });
  });
});

describe('one file', () => {
  test('-o FILE writes that file in the format of its name, and replaces its own text', async () => {
    audio('talk.wav');
    expect(await run('talk.wav', '-o', 'out.srt')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(read('out.srt')).toMatch(/^1\n00:00:00,000 --> /);
    audio('talk.wav', { segments: 1 });
    expect((await run('talk.wav', '-o', 'out.srt')).code).toBe(0);
    expect(read('out.srt')).not.toContain('\n2\n');
    expect((await run('talk.wav', '-o', 'out.txt', '--format', 'json')).code).toBe(0);
    expect(JSON.parse(read('out.txt'))).toMatchObject({ text: 'segment 0' });
    expect((await run('talk.wav', '--output-dir', 'out.d', '-f', 'txt')).code).toBe(0);
    expect(read('out.d/talk.txt')).toBe('segment 0\n');
  });

  test.each([['out.txt'], ['out']])('-o %s refuses a foreign file before the work', async (output) => {
    audio('talk.wav');
    mkdirSync(at('out'));
    const text = output === 'out' ? 'out/talk.txt' : output;
    writeFileSync(at(text), 'mine');
    const { code, stderr } = await run('talk.wav', '-o', output);
    expect([code, read(text), attempts('talk.wav')]).toEqual([1, 'mine', 0]);
    expect(stderr).toBe(
      `sotto: talk.wav: ${text} exists, and Sotto did not write it — choose another file, or add --overwrite to replace it\n`,
    );
    expect((await run('talk.wav', '-o', output, '--overwrite')).code).toBe(0);
    expect(read(text)).toContain('segment 0');
  });

  test('dictate -o refuses a foreign file before it listens; --overwrite replaces it', async () => {
    writeFileSync(at('note.txt'), 'mine');
    const dictate = (...args: string[]): Promise<SottoResult> =>
      sotto(['dictate', '--from', 'none.wav', '-o', 'note.txt', ...args], {
        home: home.folder,
        cwd: home.folder,
      });
    const { code, stderr } = await dictate();
    expect([code, read('note.txt')]).toEqual([1, 'mine']);
    expect(stderr).toMatch(/^sotto: note\.txt exists, and Sotto did not write it — .*--overwrite/);
    // The check passed: now the missing input is the error.
    expect((await dictate('--overwrite')).stderr).toContain('none.wav');
  });
});

test('--quiet prints texts and errors only', async () => {
  for (const name of ['a.wav', 'in/a.wav', 'in/bad.wav'])
    audio(name, name.includes('bad') ? { failAfter: 0 } : {});
  const one = await run('a.wav', 'none.wav', '--quiet');
  expect(one.stdout).toContain('segment 0');
  expect(one.stderr).toMatch(/^sotto: none\.wav: [^\n]+\n$/);
  const many = await run('in', '-q');
  expect([many.code, many.stdout]).toEqual([1, '']);
  expect(many.stderr).toMatch(/^\[\d\/2\] sotto: in\/bad\.wav: [^\n]+\n$/);
});

test('names a file without speech on stderr, and puts headings above several texts', async () => {
  audio('a.wav', { segments: 1 });
  audio('silence.wav', { segments: 0 });
  expect(await run('silence.wav')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: 'sotto: silence.wav: no speech found\n',
  });
  const { stdout } = await run('a.wav', 'silence.wav', 'a.wav');
  expect(stdout).toBe('==> a.wav <==\nsegment 0\n\n==> silence.wav <==\n\n==> a.wav <==\nsegment 0\n');
  expect((await run('a.wav', 'silence.wav', '--format', 'json')).stdout).not.toContain('==>');
});
