import { closeSync, mkdtempSync, openSync, rmSync, truncateSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  AUDIO_FILE,
  codedError,
  FILE_PROBLEMS,
  fileError,
  hintOf,
  MODEL_FILE,
  reasonOf,
} from '#daemon/protocol/file-errors.js';

const system = (code: string, extras: object = {}): Error =>
  Object.assign(new Error(`${code}: words of the system, open '/x'`), { code, ...extras });

/** The expected table, so that a change is deliberate. */
const EXPECTED = [
  ['ENOENT', 'it does not exist', 'check the path'],
  ['ENOTDIR', 'part of its path is not a folder', 'check the path'],
  ['ELOOP', 'its symbolic links form a loop', 'use a path without this link'],
  ['ENAMETOOLONG', 'its name is too long', 'use a shorter path'],
  ['ERR_INVALID_ARG_VALUE', 'its name contains a NUL byte', 'check the path'],
  ['EILSEQ', 'the disk does not allow its name', 'use another name'],
  ['EACCES', 'permission denied', 'check its permissions and those of the folders above it'],
  ['EPERM', 'operation not permitted', 'check its permissions; on macOS also Privacy & Security'],
  ['EISDIR', 'it is a folder', 'use the path of a file'],
  ['EEXIST', 'it already exists', 'use another name, or move it away'],
  ['ENOTEMPTY', 'the folder is not empty', 'use another folder'],
  ['ENXIO', 'it is a socket or device without a listener', 'use the path of a regular file'],
  ['ENODEV', 'its device does not exist', 'use the path of a regular file'],
  ['EROFS', 'the disk is read-only', 'use a path on another disk'],
  ['ENOSPC', 'the disk is full', 'free some disk space, then try again'],
  ['EDQUOT', 'your disk quota is used up', 'free some disk space, then try again'],
  ['EFBIG', 'it is too large for this disk', 'use a path on another disk'],
  ['ERR_FS_FILE_TOO_LARGE', 'it is larger than 2 GiB', 'check that it is the right file'],
  ['EIO', 'the disk reports an error', 'check the disk, or copy the file to another one'],
  ['EMFILE', 'too many files are open', 'close other programs, or raise `ulimit -n`'],
  ['ENFILE', 'too many files are open', 'close other programs, then try again'],
  ['EBUSY', 'another process uses it', 'close the other program, then try again'],
  ['ETXTBSY', 'another process runs it', 'close the other program, then try again'],
  ['EPIPE', 'its reader has exited', 'check the command that reads it'],
  ['ESTALE', 'the network disk was remounted', 'try again'],
  ['ETIMEDOUT', 'the network disk isn’t responding', 'check the connection, then try again'],
  ['ENOTCONN', 'the network disk is not connected', 'mount the disk again'],
] as const;

describe('the table of file errors', () => {
  test('has exactly these rows', () => {
    expect(FILE_PROBLEMS).toEqual(EXPECTED.map(([code]) => code));
  });

  test.each(EXPECTED)('%s: %s', (code, why, hint) => {
    const error = fileError('a.wav', system(code), AUDIO_FILE);
    expect(error.message).toBe(`a.wav can't be read: ${why}`);
    expect(error.hint).toBe(hint);
    expect(reasonOf(system(code))).toBe(why);
    expect(hintOf(system(code))).toBe(hint);
    expect(`${error.message} ${hint}`.split(' ').length).toBeLessThanOrEqual(20);
    expect(codedError(system(code, { path: '/in/x', syscall: 'open' }))).toMatchObject({
      code: 'FILE_FAILED',
      message: `/in/x can't be read: ${why}`,
      hint,
    });
  });

  test('an unknown error has the system’s message without code and path', () => {
    expect(reasonOf(system('EWEIRD'))).toBe('words of the system');
    expect(hintOf(system('EWEIRD'))).toBeUndefined();
  });

  test('a missing file has its own code', () => {
    expect(fileError('m', system('ENOTDIR'), MODEL_FILE).code).toBe('MODEL_NOT_FOUND');
    expect(fileError('m', system('EACCES'), MODEL_FILE).code).toBe('MODEL_UNREADABLE');
  });

  test('a SottoError is unchanged, and a long path is shortened', () => {
    const own = new SottoError('BUSY', 'x');
    expect(fileError('m', own, MODEL_FILE)).toBe(own);
    expect(fileError('n'.repeat(5000), system('ENAMETOOLONG'), AUDIO_FILE).message.length).toBeLessThan(1200);
  });
});

describe('an uncoded file system error', () => {
  test('names its path and is not reported as a bug', () => {
    const error = codedError(system('EACCES', { path: '/in/x', syscall: 'open' }));
    expect(error).toMatchObject({ code: 'FILE_FAILED', message: "/in/x can't be read: permission denied" });
    const made = codedError(system('EROFS', { path: '/in/x', syscall: 'mkdir' }));
    expect(made.message).toBe("/in/x can't be written: the disk is read-only");
  });

  test('names the current folder if that was removed', () => {
    expect(codedError(system('ENOENT', { syscall: 'uv_cwd' })).message).toContain('the current folder');
  });

  test.each([
    ['ENOSPC', 'write', "a file can't be written: the disk is full", 'free some disk space, then try again'],
    ['ENOSPC', 'fsync', "a file can't be written: the disk is full", 'free some disk space, then try again'],
    [
      'EDQUOT',
      'write',
      "a file can't be written: your disk quota is used up",
      'free some disk space, then try again',
    ],
    [
      'EIO',
      'read',
      "a file can't be read: the disk reports an error",
      'check the disk, or copy the file to another one',
    ],
    ['EISDIR', 'read', "a file can't be read: it is a folder", 'use the path of a file'],
    ['ENFILE', undefined, "a file can't be read: too many files are open", expect.any(String)],
  ])('on an open file, %s of %s, is not reported as a bug', (code, syscall, message, hint) => {
    expect(codedError(system(code, { syscall }))).toMatchObject({ code: 'FILE_FAILED', message, hint });
  });

  test.each(['EPIPE', 'ETIMEDOUT', 'ENOTCONN', 'ECONNRESET'])(
    '%s without a path may come from a socket',
    (code) => {
      const error = codedError(system(code, { syscall: 'write' }));
      expect(error.message).toContain('words of the system');
      expect(error.message).not.toContain('file');
    },
  );

  test('reading a whole file of 10 GB is not reported as a bug', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'sotto-huge-')), 'huge');
    closeSync(openSync(path, 'w'));
    truncateSync(path, 10 * 2 ** 30);
    try {
      const thrown = await readFile(path).catch((error: unknown) => error);
      expect(codedError(thrown)).toMatchObject({
        code: 'FILE_FAILED',
        message: "a file can't be read: it is larger than 2 GiB",
      });
    } finally {
      rmSync(dirname(path), { recursive: true });
    }
  });

  test('any other error is reported as a bug', () => {
    expect(codedError(new TypeError('x')).code).toBe('INTERNAL');
    expect(codedError(system('ERR_ASSERTION')).code).toBe('INTERNAL');
  });
});
