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
} from '#daemon/protocol/file-problem.js';

const system = (code: string, extras: object = {}): Error =>
  Object.assign(new Error(`${code}: words of the system, open '/x'`), { code, ...extras });

const EXPECTED = [
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ERR_INVALID_ARG_VALUE',
  'EILSEQ',
  'EACCES',
  'EPERM',
  'EISDIR',
  'EEXIST',
  'ENOTEMPTY',
  'ENXIO',
  'ENODEV',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EIO',
  'EMFILE',
  'ENFILE',
  'EBUSY',
  'ETXTBSY',
  'ESTALE',
  'ETIMEDOUT',
  'ENOTCONN',
];

describe('the table of file problems', () => {
  test.each(EXPECTED)('%s has a sentence and an advice of its own', (code) => {
    expect(FILE_PROBLEMS).toContain(code);
    const why = reasonOf(system(code));
    expect(why).not.toMatch(/words of the system|^E/);
    expect(hintOf(system(code))).toMatch(/\w/);
    const { message } = fileError('a.wav', system(code), AUDIO_FILE);
    expect(message).toBe(`a.wav can't be read: ${why}`);
    expect(`${message} ${hintOf(system(code))}`.split(' ').length).toBeLessThanOrEqual(20);
  });

  test('an unknown one gives the words of the system, without code and path', () => {
    expect(reasonOf(system('EWEIRD'))).toBe('words of the system');
    expect(hintOf(system('EWEIRD'))).toBeUndefined();
  });

  test('what is missing has the code for it', () => {
    expect(fileError('m', system('ENOTDIR'), MODEL_FILE).code).toBe('MODEL_NOT_FOUND');
    expect(fileError('m', system('EACCES'), MODEL_FILE).code).toBe('MODEL_UNREADABLE');
  });

  test('a SottoError passes; a long path is shortened', () => {
    const own = new SottoError('BUSY', 'x');
    expect(fileError('m', own, MODEL_FILE)).toBe(own);
    expect(fileError('n'.repeat(5000), system('ENAMETOOLONG'), AUDIO_FILE).message.length).toBeLessThan(1200);
  });
});

describe('an error of the file system that no room has coded', () => {
  test('is about its path, and no bug', () => {
    const error = codedError(system('EACCES', { path: '/in/x', syscall: 'open' }));
    expect(error).toMatchObject({ code: 'FILE_FAILED', message: "/in/x can't be read: permission denied" });
    const made = codedError(system('EROFS', { path: '/in/x', syscall: 'mkdir' }));
    expect(made.message).toBe("/in/x can't be written: the disk is read-only");
  });

  test('is about the current folder when that was removed', () => {
    expect(codedError(system('ENOENT', { syscall: 'uv_cwd' })).message).toContain('the current folder');
  });

  test('any other error stays a bug', () => {
    expect(codedError(new TypeError('x')).code).toBe('INTERNAL');
    expect(codedError(system('ERR_ASSERTION')).code).toBe('INTERNAL');
  });
});
