import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isListening } from '#daemon/server/probe.js';
import { isSocketInPlace, listenAt, removeSocket } from '#daemon/server/socket.js';
import { checkSocketPath, securePrivateFolder } from '#daemon/socket-folder.js';
import { resolvePaths } from '#daemon/paths.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-sock-'));
  path = join(folder, 's');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Tries to listen. @returns the code of the error, or undefined */
async function tryToListen(at = path): Promise<string | undefined> {
  const server = createServer();
  try {
    await listenAt(server, at);
    server.close();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** Creates a stale socket file, as a killed daemon leaves it. */
function leaveStaleSocket(): void {
  execFileSync(
    process.execPath,
    [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ],
    { stdio: 'ignore' },
  );
}

describe('the socket', () => {
  test('replaces that of a killed daemon', async () => {
    try {
      leaveStaleSocket();
    } catch {
      // It was ended by the signal.
    }
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(await tryToListen()).toBeUndefined();
  });

  test('is private to the user with any umask', async () => {
    const before = process.umask(0);
    try {
      const server = createServer();
      await listenAt(server, path);
      expect(lstatSync(path).mode & 0o777).toBe(0o600);
      expect(process.umask()).toBe(0);
      server.close();
    } finally {
      process.umask(before);
    }
  });

  test('does not replace a listening one', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(path, resolve));
    expect(await tryToListen()).toBe('DAEMON_RUNNING');
    expect(existsSync(path)).toBe(true);
    other.close();
  });

  test('is made again after its file was removed, and connections stay open', async () => {
    const server = createServer();
    const first = await listenAt(server, path);
    const client = connect(path);
    await new Promise((resolve) => client.once('connect', resolve));
    unlinkSync(path);
    expect(isSocketInPlace(path, first)).toBe(false);
    const second = await listenAt(server, path);
    expect(isSocketInPlace(path, second)).toBe(true);
    expect(await isListening(path)).toBe(true);
    expect([client.destroyed, readdirSync(folder)]).toEqual([false, ['s']]);
    client.destroy();
    removeSocket(path, second);
    await new Promise((resolve) => server.close(resolve));
    expect(readdirSync(folder)).toEqual([]);
  });

  test('of another daemon stays when this one closes', async () => {
    const first = createServer();
    const inode = await listenAt(first, path);
    unlinkSync(path);
    const second = createServer();
    await listenAt(second, path);
    removeSocket(path, inode);
    await new Promise((resolve) => first.close(resolve));
    expect(await isListening(path)).toBe(true);
    second.close();
  });

  test.each([
    ['EACCES', false],
    ['EROFS', false],
    ['EMFILE', true],
  ])('fails with %s, retryable: %j', async (code, retryable) => {
    const server = createServer();
    server.listen = () => {
      process.nextTick(() => server.emit('error', Object.assign(new Error(code), { code })));
      return server;
    };
    await expect(listenAt(server, path)).rejects.toMatchObject({
      code: 'DAEMON_UNAVAILABLE',
      retryable,
    });
  });

  const victim = (): string => join(folder, 'victim');
  test.each<[string, () => void]>([
    ['a symbolic link to a file', () => symlinkSync(victim(), path)],
    ['a dangling symbolic link', () => symlinkSync(join(folder, 'none'), path)],
    ['a FIFO', () => execFileSync('mkfifo', [path])],
    ['a folder', () => mkdirSync(path)],
    ['a file', () => writeFileSync(path, 'mine')],
  ])('refuses %s at its path, and does not change it', async (_, plant) => {
    writeFileSync(victim(), 'untouched');
    plant();
    const before = lstatSync(path);
    expect(await tryToListen()).toBe('UNAUTHORIZED');
    expect(lstatSync(path).ino).toBe(before.ino);
    expect(readFileSync(victim(), 'utf8')).toBe('untouched');
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });

  test('must have a path of limited length, with a hint otherwise', () => {
    const longest = `/${'a'.repeat(99)}`;
    expect(() => checkSocketPath(longest)).not.toThrow();
    expect(() => checkSocketPath(`${longest}b`)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        hint: expect.stringContaining('SOTTO_HOME') as unknown,
      }),
    );
    // Bytes count, not characters.
    expect(() => checkSocketPath(`/${'é'.repeat(50)}`)).toThrow(/101 bytes/);
  });
});

describe('the folder of the socket', () => {
  test('is created with mode 0700 and any umask', () => {
    const before = process.umask(0);
    try {
      securePrivateFolder(join(folder, 'a', 'b'));
    } finally {
      process.umask(before);
    }
    expect(lstatSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700);
  });

  test('gets mode 0700 if others can read it', () => {
    chmodSync(folder, 0o755);
    securePrivateFolder(folder);
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
  });

  test.each([0o770, 0o707, 0o777])('is refused with mode %o, because others could write to it', (mode) => {
    chmodSync(folder, mode);
    expect(() => securePrivateFolder(folder)).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
    expect(lstatSync(folder).mode & 0o777).toBe(mode);
  });

  test('is refused when it is a link or a file', () => {
    symlinkSync(tmpdir(), join(folder, 'link'));
    expect(() => securePrivateFolder(join(folder, 'link'))).toThrow(/symbolic link/);
  });
});

describe('paths', () => {
  test('are in the Library on macOS, and fit for usual user names', () => {
    const paths = resolvePaths({}, 'darwin', '/Users/username.with.a.long.name');
    expect(paths.home).toBe('/Users/username.with.a.long.name/Library/Application Support/Sotto');
    expect(paths.logs).toBe('/Users/username.with.a.long.name/Library/Logs/Sotto');
    expect(() => checkSocketPath(paths.socket)).not.toThrow();
  });

  test('follow XDG on Linux and ignore relative values', () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/1', XDG_DATA_HOME: 'relative', XDG_STATE_HOME: '/state' };
    const paths = resolvePaths(env, 'linux', '/home/u');
    expect(paths).toMatchObject({
      home: '/home/u/.local/share/sotto',
      socket: '/run/user/1/sotto/s',
      log: '/state/sotto/logs/sotto.log',
    });
  });

  test('are all under SOTTO_HOME if it is set', () => {
    const paths = resolvePaths({ SOTTO_HOME: '/h', XDG_RUNTIME_DIR: '/r' }, 'linux', '/home/u');
    for (const path of Object.values(paths) as string[]) expect(path.startsWith('/h')).toBe(true);
    expect(() => resolvePaths({ SOTTO_HOME: 'h' })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});
