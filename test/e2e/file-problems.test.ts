/**
 * Every option that takes a path, with every kind of path that can't be used: one coded line, never a stack trace.
 */
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { makeOddPaths, noDevices, noOtherUser, OTHER_USER, type OddPaths } from '#test/harness/odd-paths.js';
import { ALWAYS_REFUSED, expectLine, WHY } from '#test/harness/refused-paths.js';
import { sotto, type SottoResult } from '#test/harness/run-sotto.js';
import { testUnless } from '#test/harness/skipping.js';
import { defined } from '#daemon/protocol/defined.js';

const folder = mkdtempSync(join(tmpdir(), 'so-odd-'));
const withoutDevices = noDevices(folder);
let odd: OddPaths;
beforeAll(async () => void (odd = await makeOddPaths(folder)));
afterAll(() => {
  odd.close();
  rmSync(folder, { recursive: true, force: true });
});

function home(): string {
  return mkdtempSync(join(folder, 'home-'));
}

function run(args: readonly string[], env: Record<string, string> = {}, uid?: number): Promise<SottoResult> {
  const own = home();
  if (uid !== undefined) execFileSync('chown', [String(uid), own]);
  return sotto(args, { home: own, cwd: folder, env, ...defined({ uid }) });
}

const MODEL_COMMANDS: readonly (readonly [string, (path: string) => string[]])[] = [
  ['transcribe --model', (path) => ['transcribe', '--no-daemon', 'talk.wav', '--model', path]],
  ['models info', (path) => ['models', 'info', path]],
  ['models verify', (path) => ['models', 'verify', path]],
  ['models convert', (path) => ['models', 'convert', path, 'out']],
  ['models quantize', (path) => ['models', 'quantize', path]],
  ['models use', (path) => ['models', 'use', path]],
];

describe.each(MODEL_COMMANDS)('%s', (_, args) => {
  test('refuses a loop, a long name and a parent that is a file', async () => {
    for (const kind of ALWAYS_REFUSED) expectLine(await run(args(odd[kind])), 3, odd[kind], WHY[kind]);
  });

  test('refuses a pipe, a socket, a file and a dangling link', async () => {
    for (const path of [odd.pipe, odd.socket, odd.empty])
      expectLine(await run(args(path)), 3, path, 'is a file, not a model folder');
    expectLine(await run(args(odd.broken)), 3, odd.broken, 'folder not found');
  });

  testUnless(noOtherUser)('refuses a folder that may not be opened', async () => {
    const model = join(odd.denied, 'model');
    expectLine(await run(args(model), {}, OTHER_USER), 3, model, WHY.denied);
  });
});

describe('the files of a model', () => {
  const verify = (dir: string) => sotto(['models', 'verify', dir], { home: home(), realEngine: true });
  let count = 0;
  function model(): string {
    const dir = join(folder, `model-${(count += 1)}`);
    mkdirSync(dir);
    return dir;
  }

  test('refuses a config.json that is a loop, a folder, a pipe, a socket or larger than 16 MiB', async () => {
    for (const [target, why] of [
      [odd.loop, WHY.loop],
      [odd.folder, 'it is a folder'],
      [odd.pipe, 'it is a pipe'],
      [odd.socket, 'without a listener'],
    ] as const) {
      const dir = model();
      symlinkSync(target, join(dir, 'config.json'));
      expectLine(await verify(dir), 3, join(dir, 'config.json'), why);
    }
    const dir = model();
    writeFileSync(join(dir, 'config.json'), '{}');
    truncateSync(join(dir, 'config.json'), 16 * 2 ** 20 + 1);
    expectLine(await verify(dir), 3, join(dir, 'config.json'), 'larger than 16 MiB');
  });

  test('refuses weights that are a loop, a dangling link, a folder or a pipe', async () => {
    const config = join(process.cwd(), 'assets', 'models', 'whisper-base-6bit', 'config.json');
    for (const [target, why] of [
      [odd.loop, WHY.loop],
      [odd.broken, 'it does not exist'],
      [odd.folder, 'is a directory'],
      [odd.pipe, 'is not a regular file'],
    ] as const) {
      const dir = model();
      symlinkSync(config, join(dir, 'config.json'));
      symlinkSync(target, join(dir, 'weights.safetensors'));
      expectLine(await verify(dir), 3, join(dir, 'weights.safetensors'), why);
    }
  });
});

describe('vocabulary import', () => {
  const args = (path: string): string[] => ['vocabulary', 'import', path];

  test('refuses what is not a regular file, without waiting', async () => {
    for (const kind of ALWAYS_REFUSED) expectLine(await run(args(odd[kind])), 2, odd[kind], WHY[kind]);
    expectLine(await run(args(odd.folder)), 2, odd.folder, 'it is a folder');
    expectLine(await run(args(odd.pipe)), 2, odd.pipe, 'it is a pipe');
    expectLine(await run(args(odd.socket)), 2, odd.socket, 'without a listener');
    expectLine(await run(args(odd.broken)), 2, odd.broken, 'it does not exist');
    expectLine(await run(args(odd.empty)), 2, odd.empty, 'contains no words');
  });

  testUnless(withoutDevices)('refuses a device', async () => {
    const path = join(folder, 'probe');
    expectLine(await run(args(path)), 2, path, 'it is a device');
  });

  testUnless(noOtherUser)('refuses a file that may not be read', async () => {
    const path = join(odd.denied, 'words.txt');
    expectLine(await run(args(path), {}, OTHER_USER), 2, path, WHY.denied);
  });
});

describe('transcribe FILE', () => {
  test('each of many files has an error of its own', async () => {
    const files = [odd.loop, odd.long, odd.below, odd.broken, odd.socket, odd.empty, join(folder, 'none')];
    const why = [WHY.loop, WHY.long, WHY.below, 'file not found', 'a socket', 'empty', 'file not found'];
    const { code, stderr } = await sotto(['transcribe', '--no-daemon', ...files], {
      home: home(),
      cwd: folder,
      realEngine: true,
    });
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(files.length);
    for (const [index, path] of files.entries())
      expectLine({ code, stderr: lines[index] ?? '' }, 1, path, why[index] ?? '?');
  });
});

describe('transcribe --output', () => {
  const talk = (): string => writeFakeAudio(join(folder, 'talk.wav'), { segments: 2 });
  const args = (path: string): string[] => ['transcribe', '--no-daemon', talk(), '-o', path];

  test('fails before the work if no file can be created', async () => {
    for (const kind of ['loop', 'below'] as const) {
      const path = join(odd[kind], 'text.txt');
      expectLine(await run(args(path)), 1, path, WHY[kind]);
    }
    const long = `${odd.long}.txt`;
    expectLine(await run(args(long)), 1, long, WHY.long);
  });

  testUnless(noOtherUser)('reports that the folder may not be written', async () => {
    talk();
    const path = join(folder, 'text.txt');
    expectLine(await run(args(path), {}, OTHER_USER), 1, path, WHY.denied);
  });

  testUnless(withoutDevices)('writes to a device and leaves it one', async () => {
    const path = join(folder, 'probe');
    const { code, stderr } = await run(args(path));
    expect([code, stderr]).toEqual([0, '']);
    expect(lstatSync(path).isCharacterDevice()).toBe(true);
  });

  test('leaves a socket in place, and reports why it can’t be written', async () => {
    expectLine(await run(args(odd.socket)), 1, odd.socket, 'without a listener');
    expect(lstatSync(odd.socket).isSocket()).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('settings.json', () => {
  test('that is a folder, a loop, a pipe or a socket', async () => {
    for (const [target, why] of [
      [odd.folder, 'it is a folder'],
      [odd.loop, WHY.loop],
      [odd.pipe, 'it is a pipe'],
      [odd.socket, 'without a listener'],
    ] as const) {
      const own = home();
      symlinkSync(target, join(own, 'settings.json'));
      const result = await sotto(['models', 'use', 'whisper-base-6bit'], { home: own, cwd: folder });
      expectLine(result, 2, join(own, 'settings.json'), why);
    }
  });
});

describe('SOTTO_HOME', () => {
  test.each([
    ['vocabulary add', ['vocabulary', 'add', 'Ada'], 1],
    ['daemon start', ['daemon', 'start'], 3],
  ] as const)('%s: below a file, a loop, too long', async (_, args, exitCode) => {
    for (const kind of ALWAYS_REFUSED) {
      const result = await sotto(args, { home: odd[kind], cwd: folder });
      expect(result.stderr).not.toMatch(/bug in Sotto|^ +at /m);
      expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect([2, 3, exitCode]).toContain(result.code);
    }
  });
});
