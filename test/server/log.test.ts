import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openLog, RingFile, readLogTail } from '#daemon/log.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-log-'));
  path = join(folder, 'logs', 'sotto.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the log', () => {
  test('keeps the newest lines in two files of limited size', () => {
    const ring = new RingFile(path, 1_000);
    for (let n = 0; n < 500; n++) ring.write(`line ${n}\n`);
    ring.close();
    expect(readdirSync(join(folder, 'logs')).sort()).toEqual(['sotto.log', 'sotto.log.1']);
    for (const name of ['sotto.log', 'sotto.log.1']) {
      expect(lstatSync(join(folder, 'logs', name)).size).toBeLessThanOrEqual(1_000);
    }
    const all = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
    const numbers = all
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.slice(5)));
    expect(numbers).toEqual(numbers.map((_, index) => 500 - numbers.length + index));
  });

  test('loses lines while it can’t be opened, and continues afterwards', () => {
    mkdirSync(path, { recursive: true });
    const ring = new RingFile(path);
    ring.write('lost\n');
    rmSync(path, { recursive: true });
    ring.write('kept\n');
    ring.close();
    expect(readLogTail(path, 9)).toEqual(['kept']);
  });

  test('appends to the file of an earlier daemon', () => {
    for (const text of ['one\n', 'two\n']) {
      const ring = new RingFile(path);
      ring.write(text);
      ring.close();
    }
    expect(readLogTail(path, 1)).toEqual(['two']);
    expect(readLogTail(path, 9)).toEqual(['one', 'two']);
    expect(readLogTail(join(folder, 'none'), 9)).toEqual([]);
  });

  test('is private to the user with any umask', () => {
    const before = process.umask(0);
    try {
      openLog(path).info('hello');
    } finally {
      process.umask(before);
    }
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(folder, 'logs')).mode & 0o777).toBe(0o700);
  });

  test('loses lines instead of stopping the daemon if it can’t be written', () => {
    const ring = new RingFile(path, 10);
    rmSync(join(folder, 'logs'), { recursive: true });
    for (let n = 0; n < 5; n++) expect(() => ring.write('a line that is long\n')).not.toThrow();
  });
});
