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

/** Another process that holds the lock and has no socket, as a daemon whose socket file was removed. */
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

describe('takeLock', () => {
  test('writes the process number beside the lock', async () => {
    const lock = await acquire();
    expect(lock.isInPlace()).toBe(true);
    expect(lastHolder(places)).toEqual({ pid: process.pid });
    expect(readFileSync(`${places.lock}.pid`, 'utf8')).toBe(String(process.pid));
  });

  test('a holder that was killed holds nothing', async () => {
    await kill(await otherHolder());
    await acquire();
    expect(lastHolder(places)).toEqual({ pid: process.pid });
  });

  test('is refused while the holder runs and answers', async () => {
    const pid = await otherHolder();
    const server = await listen();
    await expect(acquireLock(places)).rejects.toMatchObject({
      code: 'DAEMON_RUNNING',
      message: expect.stringContaining(`process ${pid}`) as unknown,
    });
    server.close();
  });

  test('a holder that runs without a socket is never called dead, however old its lock is', async () => {
    const pid = await otherHolder();
    let settled = false;
    const attempt = acquireLock(places, 500).finally(() => (settled = true));
    attempt.catch(() => undefined);
    await until(() => lastHolder(places)?.pid === pid);
    expect(settled).toBe(false);
    await expect(attempt).rejects.toMatchObject({
      code: 'DAEMON_RUNNING',
      message: expect.stringMatching(/does not listen at/) as unknown,
      hint: expect.stringMatching(/sotto daemon stop/) as unknown,
    });
    expect(lastHolder(places)).toEqual({ pid });
  });

  test('waits for a holder that does not listen yet, and gets the lock where it ends instead', async () => {
    const pid = await otherHolder();
    const attempt = acquire();
    await kill(pid);
    expect((await attempt).isInPlace()).toBe(true);
  });

  test('another process that got the number of a dead holder is no holder', async () => {
    writeFileSync(`${places.lock}.pid`, String(process.ppid));
    expect(await activeHolder(places)).toBeUndefined();
    await acquire();
    expect(lastHolder(places)).toEqual({ pid: process.pid });
  });

  test('a file that is no lock is left as it is, with a coded error', async () => {
    writeFileSync(places.lock, 'a diary, not a lock'.repeat(100));
    await expect(acquireLock(places)).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    expect(readFileSync(places.lock, 'utf8')).toMatch(/^a diary/);
  });

  test('where the folder can’t be made, the error says so and has no word of a bug', async () => {
    writeFileSync(join(folder, 'file'), '');
    places = { ...places, lock: join(folder, 'file', 'daemon.lock') };
    await expect(acquireLock(places)).rejects.toMatchObject({
      code: 'DAEMON_UNAVAILABLE',
      hint: expect.stringMatching(/--no-daemon/) as unknown,
    });
  });
});

describe('a lock whose file was removed', () => {
  test('is made again', async () => {
    const lock = await acquire();
    rmSync(places.lock);
    expect(lock.isInPlace()).toBe(false);
    expect(lock.replace()).toBe(true);
    expect(lock.isInPlace()).toBe(true);
    expect(await activeHolder(places)).toEqual({ pid: process.pid });
  });

  test('is not, where another process was quicker', async () => {
    const lock = await acquire();
    rmSync(places.lock);
    const pid = await otherHolder();
    expect(lock.isInPlace()).toBe(false);
    expect(lock.replace()).toBe(false);
    expect(lastHolder(places)).toEqual({ pid });
  });

  test('is not, where the whole folder is gone: nothing is made there again', async () => {
    const lock = await acquire();
    rmSync(folder, { recursive: true });
    expect(lock.replace()).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });
});

describe('activeHolder', () => {
  test('is the process that holds the lock, with a socket or without', async () => {
    expect(await activeHolder(places)).toBeUndefined();
    const pid = await otherHolder();
    expect(await activeHolder(places)).toEqual({ pid });
    await kill(pid);
    expect(await activeHolder(places)).toBeUndefined();
  });

  test('of unknown number is an error, not a guess', async () => {
    const pid = await otherHolder();
    writeFileSync(`${places.lock}.pid`, 'not a number');
    await expect(activeHolder(places)).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    await kill(pid);
  });
});
