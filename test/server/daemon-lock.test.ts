import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  activeHolder,
  lastHolder,
  acquireLock,
  type DaemonPaths,
  type Lock,
} from '#daemon/server/daemon-lock.js';
import { until } from '#test/harness/wait.js';

let folder: string;
let places: DaemonPaths;
let held: Lock[] = [];
let holders: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-lock-'));
  places = { lock: join(folder, 'daemon.lock'), socket: join(folder, 's') };
});
afterEach(() => {
  for (const lock of held) lock.release();
  for (const child of holders) child.kill('SIGKILL');
  held = [];
  holders = [];
  rmSync(folder, { recursive: true, force: true });
});

async function acquire(): Promise<Lock> {
  const lock = await acquireLock(places);
  held.push(lock);
  return lock;
}

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(places.socket, () => resolve(server));
  });
}

/** Starts a process that holds the lock without a socket, as a daemon whose socket file was removed. */
async function otherHolder(): Promise<number> {
  const script = `
    const { DatabaseSync } = require('@photostructure/sqlite');
    const db = new DatabaseSync(process.argv[1]);
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    setInterval(() => void db, 1000);
    require('fs').writeFileSync(process.argv[1] + '.pid', String(process.pid));`;
  const child = spawn(process.execPath, ['-e', script, places.lock], { stdio: 'ignore' });
  holders.push(child);
  await until(() => existsSync(`${places.lock}.pid`) && lastHolder(places)?.pid === child.pid);
  return child.pid ?? -1;
}

async function kill(pid: number): Promise<void> {
  const child = holders.find((one) => one.pid === pid);
  const ended = new Promise((resolve) => child?.once('exit', resolve));
  child?.kill('SIGKILL');
  await ended;
}

describe('acquireLock', () => {
  test('writes the process id next to the lock', async () => {
    const lock = await acquire();
    expect(lock.isInPlace()).toBe(true);
    expect(lastHolder(places)).toEqual({ pid: process.pid });
    expect(readFileSync(`${places.lock}.pid`, 'utf8')).toBe(String(process.pid));
  });

  test('acquires the lock of a killed holder', async () => {
    await kill(await otherHolder());
    await acquire();
    expect(lastHolder(places)).toEqual({ pid: process.pid });
  });

  test('fails while the holder listens', async () => {
    const pid = await otherHolder();
    const server = await listen();
    await expect(acquireLock(places)).rejects.toMatchObject({
      code: 'DAEMON_RUNNING',
      message: expect.stringContaining(`pid ${pid}`) as unknown,
    });
    server.close();
  });

  test('fails while the holder runs without a socket, however old the lock is', async () => {
    const pid = await otherHolder();
    let settled = false;
    const attempt = acquireLock(places, 500).finally(() => (settled = true));
    attempt.catch(() => undefined);
    await until(() => lastHolder(places)?.pid === pid);
    expect(settled).toBe(false);
    await expect(attempt).rejects.toMatchObject({
      code: 'DAEMON_RUNNING',
      message: expect.stringMatching(/does not listen on/) as unknown,
      hint: expect.stringMatching(/sotto daemon stop/) as unknown,
    });
    expect(lastHolder(places)).toEqual({ pid });
  });

  test('waits for a holder that does not listen yet, and gets the lock if it exits', async () => {
    const pid = await otherHolder();
    const attempt = acquire();
    await kill(pid);
    expect((await attempt).isInPlace()).toBe(true);
  });

  test('ignores another process with the id of a dead holder', async () => {
    writeFileSync(`${places.lock}.pid`, String(process.ppid));
    expect(await activeHolder(places)).toBeUndefined();
    await acquire();
    expect(lastHolder(places)).toEqual({ pid: process.pid });
  });

  test('leaves a foreign file unchanged and throws a coded error', async () => {
    writeFileSync(places.lock, 'a diary, not a lock'.repeat(100));
    await expect(acquireLock(places)).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    expect(readFileSync(places.lock, 'utf8')).toMatch(/^a diary/);
  });

  test('reports a folder that can’t be created, and not as a bug', async () => {
    writeFileSync(join(folder, 'file'), '');
    places = { ...places, lock: join(folder, 'file', 'daemon.lock') };
    await expect(acquireLock(places)).rejects.toMatchObject({
      code: 'DAEMON_UNAVAILABLE',
      hint: expect.stringMatching(/--no-daemon/) as unknown,
    });
  });
});

describe('a lock whose file was removed', () => {
  test('is locked again in a new file', async () => {
    const lock = await acquire();
    rmSync(places.lock);
    expect(lock.isInPlace()).toBe(false);
    expect(lock.replace()).toBe(true);
    expect(lock.isInPlace()).toBe(true);
    expect(await activeHolder(places)).toEqual({ pid: process.pid });
  });

  test('is not locked again if another process was faster', async () => {
    const lock = await acquire();
    rmSync(places.lock);
    const pid = await otherHolder();
    expect(lock.isInPlace()).toBe(false);
    expect(lock.replace()).toBe(false);
    expect(lastHolder(places)).toEqual({ pid });
  });

  test('is not locked again if its folder was removed, which is not made again', async () => {
    const lock = await acquire();
    rmSync(folder, { recursive: true });
    expect(lock.replace()).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('activeHolder', () => {
  test('finds the process that holds the lock, with and without a socket', async () => {
    expect(await activeHolder(places)).toBeUndefined();
    const pid = await otherHolder();
    expect(await activeHolder(places)).toEqual({ pid });
    await kill(pid);
    expect(await activeHolder(places)).toBeUndefined();
  });

  test('fails if the process id is unknown', async () => {
    const pid = await otherHolder();
    writeFileSync(`${places.lock}.pid`, 'not a number');
    await expect(activeHolder(places)).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    await kill(pid);
  });
});
