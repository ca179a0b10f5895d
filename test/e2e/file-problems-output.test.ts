/** Every option that writes to a path of the user, with every kind of path that can't be written. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { makeOddPaths, noOtherUser, OTHER_USER, type OddPaths } from '#test/harness/odd-paths.js';
import { ALWAYS_REFUSED, expectLine, expectNoBug, WHY } from '#test/harness/refused-paths.js';
import { sotto, startSotto, type SottoOptions, type SottoResult } from '#test/harness/run-sotto.js';
import { testUnless } from '#test/harness/skipping.js';
import { until } from '#test/harness/wait.js';
import { defined } from '#daemon/protocol/defined.js';

const folder = mkdtempSync(join(tmpdir(), 'so-odd-out-'));
let odd: OddPaths;
let audio: string;
beforeAll(async () => {
  odd = await makeOddPaths(folder);
  mkdirSync(join(folder, 'clips'));
  audio = writeFakeAudio(join(folder, 'clips', 'talk.wav'), { segments: 2 });
});
afterAll(() => {
  odd.close();
  rmSync(folder, { recursive: true, force: true });
});

function options(uid?: number): SottoOptions {
  const home = mkdtempSync(join(folder, 'home-'));
  if (uid !== undefined) execFileSync('chown', [String(uid), home]);
  return { home, cwd: folder, ...defined({ uid }) };
}

const run = (args: readonly string[], uid?: number): Promise<SottoResult> => sotto(args, options(uid));

/** Each writes a file to the path, and fails before it does any work. */
const WRITERS: readonly (readonly [string, (path: string) => string[]])[] = [
  [
    '--summary',
    (path) => ['transcribe', '--no-daemon', join(folder, 'clips'), '--output-dir', 'out', '--summary', path],
  ],
  ['dictate --output', (path) => ['dictate', '--from', audio, '--fast', '--output', path]],
  ['history export', (path) => ['history', 'export', '--output', path]],
  ['vocabulary export', (path) => ['vocabulary', 'export', path]],
];

describe.each(WRITERS)('%s', (_, args) => {
  test('refuses a loop, a long name and a parent that is a file', async () => {
    const inLoop = join(odd.loop, 'text.md');
    expectLine(await run(args(inLoop)), 1, inLoop, WHY.loop);
    const long = `${odd.long}.md`;
    expectLine(await run(args(long)), 1, long, WHY.long);
    // The file itself, and a folder below it, fail for the same reason.
    const below = `${odd.below}.md`;
    expectLine(await run(args(below)), 1, below, WHY.below);
    const deeper = join(odd.below, 'text.md');
    expectLine(await run(args(deeper)), 1, deeper, WHY.below);
  });

  test('never replaces a loop or a dangling link', async () => {
    for (const path of [odd.loop, odd.broken]) {
      const { code, stderr } = await run(args(path));
      expectLine({ code, stderr }, 1, path, 'exists');
    }
  });

  testUnless(noOtherUser)('refuses a folder that may not be written', async () => {
    const path = join(odd.denied, 'text.md');
    expectLine(await run(args(path), OTHER_USER), 1, path, WHY.denied);
  });
});

describe('--output-dir', () => {
  const args = (path: string): string[] => ['transcribe', '--no-daemon', audio, '--output-dir', path];

  test('refuses a loop, a long name and a parent that is a file', async () => {
    for (const kind of ALWAYS_REFUSED) {
      const result = await run([...args(odd[kind]), '--quiet']);
      expectNoBug(result.stderr);
      expect(result.stderr).toContain(WHY[kind]);
      expect(result.code).toBe(1);
    }
  });

  test('refuses a file and a pipe in its place', async () => {
    for (const path of [odd.empty, odd.pipe])
      expectLine(await run(args(path)), 2, path, 'is a file, not a folder');
  });
});

describe('a named pipe as --summary', () => {
  const pipe = (): string => {
    const path = join(mkdtempSync(join(folder, 'pipe-')), 'summary');
    execFileSync('mkfifo', [path]);
    return path;
  };
  const args = (path: string): string[] => [
    ...['transcribe', '--no-daemon', join(folder, 'clips'), '--output-dir', `${path}-texts`],
    ...['--summary', path, '--quiet'],
  ];

  test('waits for its reader, and writes everything', async () => {
    const path = pipe();
    const working = startSotto(args(path), options());
    await until(() => existsSync(`${path}-texts/talk.txt`));
    expect(JSON.parse(execFileSync('cat', [path], { encoding: 'utf8' }))).toMatchObject({
      files: 1,
      done: 1,
    });
    expect(await working.done).toMatchObject({ code: 0, stderr: '' });
  });

  test('Ctrl-C ends the wait', async () => {
    const path = pipe();
    const working = startSotto(args(path), options());
    await until(() => existsSync(`${path}-texts/talk.txt`));
    expect(readFileSync(`${path}-texts/talk.txt`, 'utf8')).not.toBe('');
    working.kill('SIGINT');
    const { code, signal } = await working.done;
    expect([code, signal]).toEqual([130, null]);
    expect(readdirSync(`${path}-texts`)).toEqual(['talk.txt']);
  });
});
