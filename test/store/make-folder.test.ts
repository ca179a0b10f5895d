import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { makeFolder } from '#daemon/make-folder.js';
import { readSmallFile } from '#daemon/read-small-file.js';
import { TEXT_INPUT } from '#daemon/protocol/file-errors.js';

const folder = mkdtempSync(join(tmpdir(), 'so-make-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const failure = (code: string): Error => Object.assign(new Error(code), { code });

test('creates the parents with the mode', () => {
  const path = join(folder, 'a', 'b', 'c');
  makeFolder(path, 0o700);
  for (const one of [path, join(folder, 'a')]) expect(statSync(one).mode & 0o777).toBe(0o700);
  makeFolder(path, 0o700);
});

test('a parent that is a file, and a link to nothing', () => {
  writeFileSync(join(folder, 'file'), '');
  symlinkSync(join(folder, 'nothing'), join(folder, 'broken'));
  expect(() => makeFolder(join(folder, 'file', 'x'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  expect(() => makeFolder(join(folder, 'file'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  expect(() => makeFolder(join(folder, 'broken'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
});

test('ends if a folder exists and the system reports ENOENT for a new one in it, as in /proc', () => {
  const requested: string[] = [];
  const calls = {
    stat: (path: string) => {
      if (path !== '/proc' && path !== '/') throw failure('ENOENT');
      return { isDirectory: () => true };
    },
    mkdir: (path: string) => {
      requested.push(path);
      throw failure('ENOENT');
    },
  };
  expect(() => makeFolder('/proc/nope/x', undefined, calls)).toThrow('ENOENT');
  expect(requested).toEqual(['/proc/nope']);
});

test('a folder that another process creates meanwhile is fine', () => {
  const path = join(folder, 'raced');
  makeFolder(path, undefined, {
    stat: (at) => statSync(at),
    mkdir: (at) => {
      mkdirSync(at);
      throw failure('EEXIST');
    },
  });
  expect(statSync(path).isDirectory()).toBe(true);
});

test('a small file is read completely up to its limit', () => {
  const path = join(folder, 'text');
  writeFileSync(path, 'x'.repeat(5000));
  expect(readSmallFile(path, 5000, TEXT_INPUT)).toHaveLength(5000);
  expect(() => readSmallFile(path, 4999, TEXT_INPUT)).toThrow(/larger than/);
});
