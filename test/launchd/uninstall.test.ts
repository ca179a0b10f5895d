import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bundledSpeech, resolvePaths, type Paths } from '#daemon/paths.js';
import { History } from '#daemon/store/history/index.js';
import { uninstall, type UninstallOptions } from '#daemon/cli/uninstall/uninstall.js';
import type { ConfirmPrompt } from '#daemon/cli/confirm-prompt.js';
import { findPieces } from '#daemon/cli/uninstall/find-pieces.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { startUnresponsiveDaemon } from '#test/harness/unresponsive-daemon.js';
import { stopAll } from '#test/harness/stop-all.js';
import { isRunning, until } from '#test/harness/wait.js';
import { testUnless } from '#test/harness/skipping.js';

const speech = join(bundledSpeech, 'jfk.flac');

let folder: string;
let paths: Paths;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-un-'));
  paths = resolvePaths({ SOTTO_HOME: join(folder, 'h') });
});
afterEach(async () => {
  await stopAll(paths);
  rmSync(folder, { recursive: true, force: true });
});

const SQLITE = 'SQLite format 3\0';
const UPLOAD = '0a1b2c3d4e5f-00112233445566778899aabb';

/** Creates the files of a year of use. */
function use(home = paths.home): void {
  const record = {
    version: 1,
    repo: 'a/b',
    revision: '0'.repeat(40),
    pulledAt: '2026-01-01',
    files: [{ name: 'weights.safetensors', bytes: 5000, sha256: 'a'.repeat(64) }],
  };
  const plan = {
    repo: 'a/b',
    commit: '0'.repeat(40),
    bytes: 5000,
    files: [{ name: 'weights.safetensors', bytes: 5000 }],
  };
  const files = {
    'models/turbo/weights.safetensors': 'w'.repeat(5000),
    'models/turbo/.sotto-model.json': JSON.stringify(record),
    'models/made/weights.safetensors': 'w',
    'models/made/.sotto-made.json': '{"version":1,"files":["weights.safetensors"]}',
    'models/.downloads/base.lock': '',
    'models/.downloads/base/plan.json': JSON.stringify(plan),
    'models/.downloads/base/files/weights.safetensors.part': 'w',
    'models/.downloads/base/old/weights.safetensors': 'w',
    'models/.downloads/base/old/.sotto-model.json': JSON.stringify(record),
    'models/.downloads/.removed-0a1b2c3d/weights.safetensors': 'w',
    'history.db-wal': 'h',
    'history.db.damaged-2026-01-01T00-00-00-000Z': 'h',
    'recordings/.a.wav.0a1b2c3d.part': 'RIFF',
    'batch.db': SQLITE,
    'batch.db-wal': 'b',
    'batch-0123456789abcdef.lock': '',
    'spool/b.spool': 'SOTTOPCM',
    'spool/b.events': '{}',
    'settings.json': '{"gpu":{}}',
    'machine.json': '{"chip":null,"gflops":1}',
    'machine.json.1a2b3c4d.new': '{}',
    'settings.json.1a2b3c4d.new': '{}',
    'vocabulary.json': '{"version":1}',
    'logs/sotto.log': '{}',
    'logs/agent.log': '',
    'cache/node/v22.1.0-x64-0/x': 'c',
    [`uploads/${UPLOAD}`]: 'RIFF',
    token: 'sotto_',
    'http.json': '{"port":1,"token":"x"}',
    'http.json.1a2b3c4d.new': '{}',
    'lock.17': '2147483000',
    'daemon.lock': '',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(home, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, name), text);
  }
  const history = History.open(join(home, 'history.db'));
  history.noteRecording('a.wav');
  history.close();
  writeFileSync(join(home, 'recordings/a.wav'), 'RIFF');
}

/**
 * Names of the files in the home, except two that SQLite creates when the history is read and removes when its
 * statements are collected, in this process or the command's.
 */
function homeFiles(recursive = false): string[] {
  const names = readdirSync(paths.home, { recursive, encoding: 'utf8' });
  return names.filter((name) => !/^history\.db-(wal|shm)$/.test(name)).sort();
}

function run(...args: string[]): Promise<SottoResult> {
  return sotto(['uninstall', ...args], { home: paths.home, env: { HOME: folder } });
}

describe('sotto uninstall', () => {
  test('removes everything and stops a running daemon', async () => {
    use();
    const daemon = startSotto(['daemon', 'run'], { home: paths.home, env: { HOME: folder } });
    await until(() => existsSync(paths.socket));
    const { code, stdout, stderr } = await run('--all', '--yes');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Sotto was uninstalled\.\n/);
    expect((await daemon.done).code).toBe(0);
    expect(isRunning(daemon.pid)).toBe(false);
    expect(readdirSync(folder, { recursive: true })).toEqual([]);
  });

  test('keeps foreign files among the downloads', async () => {
    use();
    const others = ['base/notes.txt', 'base/files/mine.txt', 'photos/1.jpg'];
    const downloads = join(paths.models, '.downloads');
    for (const name of others) {
      mkdirSync(dirname(join(downloads, name)), { recursive: true });
      writeFileSync(join(downloads, name), 'mine');
    }
    await run('--all', '--yes');
    const left = readdirSync(paths.models, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(left.map(({ parentPath, name }) => join(parentPath, name)).sort()).toEqual(
      others.map((name) => join(downloads, name)).sort(),
    );
  });

  test('waits for a dictation in the background and its process', async () => {
    const env = { HOME: folder };
    const capture = startSotto(['capture', '--keep-listening', '--from', speech], { home: paths.home, env });
    await until(() => existsSync(paths.capture));
    const { code, stderr } = await run('--all', '--yes');
    expect([code, stderr]).toEqual([0, '']);
    expect((await capture.done).signal).toBeNull();
    expect(readdirSync(folder, { recursive: true })).toEqual([]);
  });

  test.each([
    ['models', ['models']],
    ['history', ['history.db', 'history.db.damaged-2026-01-01T00-00-00-000Z', 'recordings', 'spool']],
    ['settings', ['settings.json', 'settings.json.1a2b3c4d.new', 'vocabulary.json']],
    ['models, settings', ['models', 'settings.json', 'settings.json.1a2b3c4d.new', 'vocabulary.json']],
  ])('keeps %s and nothing else', async (what, left) => {
    use();
    const { code, stdout } = await run('--keep', what, '--yes');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Sotto was uninstalled\. Kept: /)]);
    expect(homeFiles()).toEqual(left);
    if (!what.includes('history')) expect(readdirSync(paths.home).sort()).toEqual(left);
  });

  test('with --dry-run lists what it would remove and changes nothing', async () => {
    use();
    const before = homeFiles(true);
    const { code, stdout } = await run('--dry-run', '--keep', 'history');
    expect(code).toBe(0);
    expect(stdout).toMatch(/remove {2}models +6 kB +.*\/models\n/);
    expect(stdout).toMatch(/keep {4}past dictations/);
    expect(homeFiles(true)).toEqual(before);
  });

  test('changes nothing without --keep or --all if it cannot ask', async () => {
    use();
    const before = homeFiles(true);
    expect(await run()).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/not a terminal/) as unknown,
    });
    expect(await run('--yes')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/--yes needs --keep or --all/) as unknown,
    });
    expect((await run('--keep', 'everything', '--yes')).code).toBe(2);
    expect(homeFiles(true)).toEqual(before);
  });

  test('keeps the program and the command if the login agent can’t be removed', async () => {
    use();
    mkdirSync(join(paths.home, 'agent'));
    writeFileSync(join(paths.home, 'agent', 'Sotto'), '#!/bin/sh\n');
    mkdirSync(join(paths.home, 'app'));
    writeFileSync(join(paths.home, 'app', 'command'), '/nowhere');
    // A launchctl that fails with an unexpected message.
    writeFileSync(join(folder, 'launchctl'), '#!/bin/sh\necho odd >&2; exit 1\n', { mode: 0o755 });
    const env = { HOME: folder, SOTTO_SYSTEM: 'darwin', PATH: `${folder}:${process.env.PATH ?? ''}` };
    const { code, stdout, stderr } = await sotto(['uninstall', '--all', '--yes'], { home: paths.home, env });
    expect([code, stderr]).toEqual([
      3,
      expect.stringMatching(/launchctl print failed \(1\): odd — the program was kept/),
    ]);
    expect(stdout).toMatch(/Sotto was uninstalled, except for its login agent\. Kept: the program/);
    expect(readdirSync(paths.home).sort()).toEqual(['agent', 'app']);
  });

  test('stops a daemon that does not answer', async () => {
    use();
    const mute = await startUnresponsiveDaemon(paths);
    const { code, stdout } = await run('--all', '--yes');
    expect([code, stdout]).toEqual([0, expect.stringMatching(`Daemon stopped \\(pid ${mute.pid}\\)`)]);
    await mute.ended;
    expect(readdirSync(folder, { recursive: true })).toEqual([]);
  });

  describe('on a terminal asks', () => {
    const questions: string[] = [];
    /** Answers prompts in this order; `undefined` is Ctrl-C. */
    const answering = (...answers: (boolean | undefined)[]): ConfirmPrompt => {
      questions.length = 0;
      return (question) => {
        questions.push(question);
        return Promise.resolve(answers[questions.length - 1]);
      };
    };
    const before = process.env.SOTTO_HOME;
    beforeEach(() => void (process.env.SOTTO_HOME = paths.home));
    afterEach(() => {
      if (before === undefined) delete process.env.SOTTO_HOME;
      else process.env.SOTTO_HOME = before;
    });
    const runUninstall = (confirm: ConfirmPrompt, change: Partial<UninstallOptions> = {}): Promise<number> =>
      uninstall(paths, { yes: false, dryRun: false, ...change }, confirm);

    test('for each item whether to keep it, and finally for confirmation', async () => {
      use();
      expect(await runUninstall(answering(true, false, true, true))).toBe(0);
      expect(questions).toEqual([
        'Keep your models (6 kB)?',
        expect.stringMatching(/^Keep your past dictations \(\d+ kB\)\?$/),
        'Keep your settings and vocabulary (25 bytes)?',
        'Remove Sotto?',
      ]);
      expect(readdirSync(paths.home).sort()).toEqual([
        'models',
        'settings.json',
        'settings.json.1a2b3c4d.new',
        'vocabulary.json',
      ]);
    });

    test('nothing that an option answers, and changes nothing without a yes', async () => {
      use();
      const whole = homeFiles(true);
      expect(await runUninstall(answering(false), { keep: ['models'] })).toBe(1);
      expect(questions).toEqual(['Remove Sotto?']);
      expect(await runUninstall(answering(true, undefined))).toBe(130);
      expect(homeFiles(true)).toEqual(whole);
    });
  });

  test('creates nothing if nothing was installed', async () => {
    const { code, stdout } = await run('--all', '--yes');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Sotto was uninstalled\.\n/)]);
    expect(readdirSync(folder, { recursive: true })).toEqual([]);
  });

  test('keeps foreign files, even in a folder that is used as its home', async () => {
    use();
    writeFileSync(join(paths.home, 'thesis.txt'), 'four years');
    mkdirSync(join(paths.home, 'src'));
    const { code, stdout } = await run('--all', '--yes');
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/not part of Sotto, left in place: .*thesis\.txt/),
    ]);
    expect(readdirSync(paths.home).sort()).toEqual(['src', 'thesis.txt']);
  });

  test('keeps and lists foreign files whatever their names are', async () => {
    use();
    const userFiles = {
      s: 'a file, not a socket',
      'models/my-own/config.json': '{"model_type":"whisper"}',
      'models/my-own/weights.safetensors': 'w',
      'models/turbo/notes.txt': 'which one is better',
      'recordings/interview-2024.wav': 'RIFF',
      'uploads/invoice.pdf': '%PDF',
      'uploads/photos/1.jpg': 'JPEG',
      'spool/thread.spool': 'print jobs',
      'logs/build.log': 'mine',
      'cache/pages/x': 'mine',
      'app/main.js': 'mine',
      'settings.json': '{"editor":"vim"}',
      'settings.json.bak': '{}',
      token: 'of another service',
      'daemon.lock': 'another daemon’s',
      'history.db.damaged-by-me': 'mine',
    };
    for (const [name, text] of Object.entries(userFiles)) {
      mkdirSync(dirname(join(paths.home, name)), { recursive: true });
      writeFileSync(join(paths.home, name), text);
    }
    const { pieces } = findPieces(paths, { SOTTO_HOME: paths.home }, folder);
    expect(pieces.map(({ what }) => what)).toEqual(
      expect.arrayContaining(['models', 'past dictations', 'logs']),
    );
    const { stdout } = await run('--all', '--yes');
    const left = readdirSync(paths.home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(paths.home, join(entry.parentPath, entry.name)));
    expect(left.sort()).toEqual(Object.keys(userFiles).sort());
    for (const name of ['models/my-own', 'uploads/photos', 'settings.json.bak'])
      expect(stdout).toContain(`not part of Sotto, left in place: ${join(paths.home, name)}`);
  });

  test('removes a link in place of a file but keeps its target', async () => {
    use();
    const synced = join(folder, 'vocabulary.json');
    writeFileSync(synced, '{"version":1}');
    rmSync(join(paths.home, 'vocabulary.json'));
    symlinkSync(synced, join(paths.home, 'vocabulary.json'));
    expect((await run('--all', '--yes')).code).toBe(0);
    expect(readdirSync(folder)).toEqual(['vocabulary.json']);
  });

  // Root can remove everything except mount points, which a test cannot create.
  const unlessRoot = testUnless(process.getuid?.() === 0 ? 'root' : undefined);
  unlessRoot('lists a file that can’t be removed, removes the rest, and fails', async () => {
    use();
    const stubborn = join(paths.home, 'recordings');
    const { mode } = statSync(stubborn);
    const { chmodSync } = await import('node:fs');
    chmodSync(stubborn, 0o500);
    const { code, stderr } = await run('--all', '--yes');
    chmodSync(stubborn, mode);
    expect([code, stderr]).toEqual([3, expect.stringMatching(/recordings can't be removed/)]);
    expect(readdirSync(paths.home)).toEqual(['recordings']);
  });
});

describe('the files of Sotto', () => {
  test('are found in all XDG folders', () => {
    const env = { XDG_RUNTIME_DIR: join(folder, 'run') };
    const own = resolvePaths(env, 'linux', folder);
    use(own.home);
    for (const path of [own.log, join(folder, '.cache/sotto/node/v20.1.0-x64/x')]) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, '');
    }
    mkdirSync(own.runtime, { recursive: true });
    const server = createServer().listen(own.socket);
    const { pieces, foreignFiles, folders } = findPieces(own, env, folder);
    expect(foreignFiles).toEqual([join(own.home, 'logs')]);
    expect(pieces.map(({ what }) => what)).toEqual([
      'sockets and locks',
      'the token of the port',
      'logs',
      'caches',
      'work on folders',
      'models',
      'past dictations',
      'settings and vocabulary',
    ]);
    expect(pieces.flatMap(({ paths: all }) => all)).toContain(own.socket);
    server.close();
    expect(folders).toEqual(
      expect.arrayContaining([own.runtime, own.home, join(folder, '.local/state/sotto')]),
    );
  });

  test.each(['', 'cache'])(
    'do not include caches relative to the working folder: XDG_CACHE_HOME=%j',
    (XDG_CACHE_HOME) => {
      const own = resolvePaths({}, 'linux', folder);
      mkdirSync(join(folder, '.cache/sotto'), { recursive: true });
      const { pieces } = findPieces(own, { XDG_CACHE_HOME }, folder);
      expect(pieces).toMatchObject([{ what: 'caches', paths: [join(folder, '.cache/sotto')] }]);
    },
  );

  test('include the command and the leftovers of an interrupted installation', () => {
    const command = join(folder, 'bin', 'sotto');
    for (const [path, text] of [
      [join(paths.home, 'app/command'), command],
      [command, '# Written by Sotto'],
      [`${command}.new`, ''],
    ] as const) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const { pieces } = findPieces(paths, {}, folder);
    expect(pieces.find(({ what }) => what === 'the command')?.paths).toEqual([command, `${command}.new`]);
  });

  test('are found in the folders of macOS', () => {
    const own = resolvePaths({}, 'darwin', folder);
    use(own.home);
    mkdirSync(own.logs, { recursive: true });
    const { pieces, folders } = findPieces(own, {}, folder);
    expect(pieces.find(({ what }) => what === 'logs')?.paths).toEqual([own.logs]);
    expect(folders.at(-1)).toBe(own.home);
  });
});
