/** Errors of the file system at every call while a small file is read. */
import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { FILE_PROBLEMS, hintOf, isMissing, MODEL_FILE, reasonOf } from '#daemon/protocol/file-errors.js';
import { readSmallBytes, type ReadCalls } from '#daemon/read-small-file.js';

const folder = mkdtempSync(join(tmpdir(), 'so-small-'));
const path = join(folder, 'config.json');
writeFileSync(path, '{}');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SYSTEM: ReadCalls = {
  open: (path, flags) => openSync(path, flags),
  fstat: (fd) => fstatSync(fd),
  read: (fd, into) => readSync(fd, into, 0, into.length, null),
};

function fail(code: string): never {
  throw Object.assign(new Error(`${code}: message of the system`), { code });
}

describe.each(['open', 'fstat', 'read'] as const)('%s', (call) => {
  test.each(FILE_PROBLEMS)('fails with %s', (code) => {
    const error = { code };
    expect(() => readSmallBytes(path, 100, MODEL_FILE, { ...SYSTEM, [call]: () => fail(code) })).toThrow(
      expect.objectContaining({
        name: 'SottoError',
        code: isMissing(error) ? 'MODEL_NOT_FOUND' : 'MODEL_UNREADABLE',
        message: `${path} can't be read: ${reasonOf(error)}`,
        hint: hintOf(error),
      }),
    );
  });
});

test('the file is closed after a failed read', () => {
  const fds: number[] = [];
  const open = (at: string, flags: number): number => {
    fds.push(SYSTEM.open(at, flags));
    return fds.at(-1) as number;
  };
  expect(() => readSmallBytes(path, 100, MODEL_FILE, { ...SYSTEM, open, read: () => fail('EIO') })).toThrow();
  expect(fds).toHaveLength(1);
  for (const fd of fds) expect(() => closeSync(fd)).toThrow('EBADF');
});

test('a file that is removed while it is open is still read; one that is removed before is missing', () => {
  const other = join(folder, 'other.json');
  writeFileSync(other, '{"a":1}');
  const vanishing = {
    ...SYSTEM,
    fstat: (fd: number) => {
      unlinkSync(other);
      return fstatSync(fd);
    },
  };
  expect(readSmallBytes(other, 100, MODEL_FILE, vanishing).toString()).toBe('{"a":1}');
  expect(() => readSmallBytes(other, 100, MODEL_FILE)).toThrow(
    expect.objectContaining({ code: 'MODEL_NOT_FOUND' }),
  );
});
