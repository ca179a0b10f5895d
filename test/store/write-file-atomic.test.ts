import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { sweepDrafts, writeFileAtomic } from '#daemon/store/write-file-atomic.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-safe-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file of that name, last written so many seconds ago. */
function place(name: string, ageSeconds: number): void {
  writeFileSync(join(folder, name), 'secret');
  const then = Date.now() / 1000 - ageSeconds;
  utimesSync(join(folder, name), then, then);
}

describe('drafts left by a kill', () => {
  test('drafts of this file are removed, unless they may still be in use; every other file stays', () => {
    const others = [
      'token',
      'token.txt.0a1b2c3d.new',
      'other.0a1b2c3d.new',
      '0a1b2c3d.new',
      'xtoken.0a1b2c3d.new',
      'token.0a1b2c3d.news',
      'token.0a1b2c3.new',
      'token.x0a1b2c3d.new',
      'token.0A1B2C3D.new',
      'token.new',
    ];
    for (const name of others) place(name, 3600);
    place('token.0a1b2c3d.new', 61);
    place('token.ffffffff.new', 3600);
    place('token.11111111.new', 30);
    sweepDrafts(join(folder, 'token'));
    expect(readdirSync(folder).sort()).toEqual([...others, 'token.11111111.new'].sort());
  });

  test('a missing folder, or a folder with such a name, is no error', () => {
    expect(() => sweepDrafts(join(folder, 'nowhere', 'token'))).not.toThrow();
    mkdirSync(join(folder, 'token.0a1b2c3d.new'));
    utimesSync(join(folder, 'token.0a1b2c3d.new'), 1, 1);
    expect(() => sweepDrafts(join(folder, 'token'))).not.toThrow();
    expect(existsSync(join(folder, 'token.0a1b2c3d.new'))).toBe(true);
  });
});

test('a file is written completely with its mode, and no draft stays after a failure', async () => {
  const path = join(folder, 'token');
  await writeFileAtomic(path, 'one', 0o600);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  mkdirSync(join(folder, 'taken', 'by'), { recursive: true });
  await expect(writeFileAtomic(join(folder, 'taken'), 'two')).rejects.toThrow();
  expect(readdirSync(folder).sort()).toEqual(['taken', 'token']);
});
