import { fork } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync, utimesSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { activeHolder, takeLock } from '#daemon/server/lock.js';

let folder: string;
let socket: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-lock-'));
  socket = join(folder, 's');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function locks(): string[] {
  return readdirSync(folder).filter((name) => name.includes('lock'));
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = fork('/dev/null', { stdio: 'ignore' });
  await new Promise((resolve) => child.on('exit', resolve));
  return child.pid ?? -1;
}

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(socket, () => resolve(server));
  });
}

function plant(number: number, content: string, ageSeconds = 0): void {
  const path = join(folder, `lock.${number}`);
  writeFileSync(path, content);
  const at = Date.now() / 1000 - ageSeconds;
  utimesSync(path, at, at);
}

describe('takeLock', () => {
  test('gives the first number in an empty folder', async () => {
    const lock = await takeLock(folder, socket);
    expect(lock.mayStart()).toBe(true);
    expect(locks()).toEqual(['lock.1']);
  });

  test('goes past a holder that has died, and clears away what it left', async () => {
    plant(7, String(await deadPid()));
    plant(6, String(await deadPid()));
    await takeLock(folder, socket);
    expect(locks()).toEqual(['lock.8']);
  });

  test('refuses while the holder lives and answers', async () => {
    plant(3, String(process.pid), 3_600);
    const server = await listen();
    await expect(takeLock(folder, socket)).rejects.toMatchObject({ code: 'DAEMON_RUNNING' });
    server.close();
    expect(locks()).toEqual(['lock.3']);
  });

  test('is not fooled by another process that got the dead one’s number', async () => {
    plant(3, String(process.pid), 3_600);
    await takeLock(folder, socket);
    expect(locks()).toEqual(['lock.4']);
  });

  test('waits for a holder that is only just starting, until it is clear what becomes of it', async () => {
    plant(3, String(process.pid));
    const attempt = takeLock(folder, socket);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const server = await listen();
    await expect(attempt).rejects.toMatchObject({ code: 'DAEMON_RUNNING' });
    server.close();
  });

  test.each([[''], ['not a number'], ['-1'], ['0'], ['99999999999999999999']])(
    'takes a lock file that holds %j for nobody’s',
    async (content) => {
      plant(2, content);
      await takeLock(folder, socket);
      expect(locks()).toEqual(['lock.3']);
    },
  );

  test('goes past a folder that somebody put in place of a lock', async () => {
    mkdirSync(join(folder, 'lock.5'));
    await takeLock(folder, socket);
    expect(locks()).toContain('lock.6');
  });

  test('withdraws its leave to start once somebody has a higher number', async () => {
    const lock = await takeLock(folder, socket);
    plant(2, String(process.pid));
    expect(lock.mayStart()).toBe(false);
  });
});

describe('activeHolder', () => {
  test('is who has only just begun, and who answers; nobody who is gone', async () => {
    expect(await activeHolder(join(folder, 'none'), socket)).toBeUndefined();
    expect(await activeHolder(folder, socket)).toBeUndefined();
    plant(3, String(process.pid));
    expect(await activeHolder(folder, socket)).toMatchObject({ pid: process.pid });
    plant(3, String(process.pid), 3_600);
    expect(await activeHolder(folder, socket)).toBeUndefined();
    const server = await listen();
    expect(await activeHolder(folder, socket)).toMatchObject({ pid: process.pid });
    server.close();
    plant(4, String(await deadPid()));
    expect(await activeHolder(folder, socket)).toBeUndefined();
  });
});
