import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepLocks, tryLock } from '#daemon/store/process-lock.js';
import { until } from '#test/harness/wait.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-plock-'));
  path = join(folder, 'thing.lock');
});
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const moduleUrl = new URL('../../daemon/src/store/process-lock.js', import.meta.url).href;

function node(script: string, ...args: string[]): ChildProcess {
  const code = `const { tryLock } = await import(${JSON.stringify(moduleUrl)}); ${script}`;
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', code, ...args], {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.push(child);
  return child;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve));
}

describe('a lock of the system', () => {
  test('has one holder, and leaves nothing in the folder after its release', () => {
    const lock = tryLock(path);
    expect(lock?.isInPlace()).toBe(true);
    expect(tryLock(path)).toBeUndefined();
    // The failed attempt has not released the lock of this process.
    expect(tryLock(path)).toBeUndefined();
    lock?.release();
    lock?.release();
    expect(readdirSync(folder)).toEqual([]);
    const next = tryLock(path);
    expect(next).toBeDefined();
    next?.release();
  });

  test('of a killed process is free, and left no other file', async () => {
    // The holder drops its reference: garbage collection does not release the lock.
    const child = node(
      `tryLock(process.argv[1]);
      await new Promise((resolve) => setTimeout(resolve));
      gc();
      await new Promise((resolve) => setTimeout(resolve));
      (await import('node:fs')).writeFileSync(process.argv[2], '');
      setInterval(() => {}, 1e3);`,
      path,
      join(folder, 'held'),
    );
    await until(() => existsSync(join(folder, 'held')));
    expect(tryLock(path)).toBeUndefined();
    child.kill('SIGKILL');
    await ended(child);
    expect(readdirSync(folder).sort()).toEqual(['held', 'thing.lock']);
    const lock = tryLock(path);
    expect(lock).toBeDefined();
    lock?.release();
    expect(readdirSync(folder)).toEqual(['held']);
  });

  test('detects that its file was replaced', () => {
    const lock = tryLock(path);
    rmSync(path);
    expect(lock?.isInPlace()).toBe(false);
    const other = tryLock(path);
    expect(other?.isInPlace()).toBe(true);
    lock?.release();
    // The file belongs to the other holder now.
    expect([existsSync(path), other?.isInPlace()]).toEqual([true, true]);
    other?.release();
  });

  test('a file with content is neither locked nor removed', () => {
    const text = 'SQLite format? No, a diary. '.repeat(100);
    writeFileSync(path, text);
    expect(() => tryLock(path)).toThrow(expect.objectContaining({ name: 'SottoError' }));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('left by a killed process is swept; held locks and other files stay', () => {
    const held = tryLock(join(folder, 'batch-1a.lock'));
    writeFileSync(join(folder, 'batch-2b.lock'), '');
    writeFileSync(join(folder, 'batch-3c.lock'), 'notes of my own'.repeat(100));
    writeFileSync(join(folder, 'other.lock'), '');
    sweepLocks(folder, /^batch-[0-9a-f]+\.lock$/);
    expect(readdirSync(folder).sort()).toEqual(['batch-1a.lock', 'batch-3c.lock', 'other.lock']);
    expect(held?.isInPlace()).toBe(true);
    held?.release();
    sweepLocks(join(folder, 'none'), /x/);
  });

  test('four processes that lock and release continuously never hold it at the same time', async () => {
    // Each holder creates a file that must not exist yet.
    const script = `
      const fs = await import('node:fs');
      let rounds = 0;
      while (rounds < 150) {
        const lock = tryLock(process.argv[1]);
        if (lock === undefined) continue;
        fs.writeFileSync(process.argv[2], '', { flag: 'wx' });
        fs.unlinkSync(process.argv[2]);
        lock.release();
        rounds += 1;
      }`;
    const holders = Array.from({ length: 4 }, () => node(script, path, join(folder, 'inside')));
    expect(await Promise.all(holders.map(ended))).toEqual([0, 0, 0, 0]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
