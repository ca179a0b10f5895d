/** The private folder of the sockets, and the errors of a folder that can't hold them. */
import { chmodSync, lstatSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from './make-folder.js';
import { MAX_SOCKET_PATH_BYTES } from './paths.js';
import { codeOf, SottoError } from './protocol/errors.js';
import { reasonOf } from './protocol/file-errors.js';

/** @throws SottoError INVALID_ARGUMENT if the path is too long for a socket */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new SottoError(
      'INVALID_ARGUMENT',
      `the socket path has ${bytes} bytes, but the limit is ${MAX_SOCKET_PATH_BYTES}: ${path}`,
      { hint: 'set SOTTO_HOME to a shorter folder' },
    );
  }
}

/**
 * Creates the folder with mode 0700, or checks that the user owns it and no other user can write to it.
 * @throws SottoError UNAUTHORIZED, DAEMON_UNAVAILABLE (it can't be created)
 */
export function securePrivateFolder(folder: string): void {
  try {
    makeFolder(folder, 0o700);
  } catch (error) {
    throw unwritableHome(folder, error);
  }
  const stats = lstatSync(folder);
  if (!stats.isDirectory()) throw planted(folder, stats, 'a folder of your own');
  if (process.getuid !== undefined && stats.uid !== process.getuid()) {
    throw new SottoError('UNAUTHORIZED', `${folder} belongs to another user`, {
      hint: 'set SOTTO_HOME to a folder of your own',
    });
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new SottoError('UNAUTHORIZED', `other users can write to ${folder}`, {
      hint: `check its contents, then run chmod 700 '${folder}'`,
    });
  }
  if ((stats.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** @param error system or SQLite error about a file in Sotto's folder that the daemon needs */
export function unwritableHome(path: string, error: unknown): SottoError {
  const cause: unknown = error instanceof SottoError ? (error.cause ?? error) : error;
  const isFull = codeOf(cause) === 'ENOSPC' || codeOf(cause) === 'EDQUOT';
  return new SottoError('DAEMON_UNAVAILABLE', `can't write ${path}: ${reasonOf(cause)}`, {
    cause: error,
    retryable: isFull,
    hint: isFull
      ? 'free some disk space, then try again'
      : `make ${dirname(path)} writable, set SOTTO_HOME to another folder, or use --no-daemon`,
  });
}

export function planted(path: string, stats: Stats, expected: string): SottoError {
  const what = stats.isSymbolicLink()
    ? 'a symbolic link'
    : stats.isFIFO()
      ? 'a FIFO'
      : stats.isDirectory()
        ? 'a folder'
        : 'a file';
  return new SottoError('UNAUTHORIZED', `${path} is ${what}, not ${expected}`, {
    hint: 'check where it comes from, then remove it',
  });
}
