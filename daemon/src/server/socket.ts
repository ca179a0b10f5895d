/** Listens on a Unix socket in a private folder, and refuses a path with a foreign file or listener. */
import { chmodSync, lstatSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import type { Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { MAX_SOCKET_PATH_BYTES } from '../paths.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { unwritableHome } from './daemon-lock.js';
import { isListening } from './probe.js';

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

/**
 * Listens at the path with mode 0600, and replaces the socket of a killed daemon. The caller holds the daemon's lock. If the
 * server was listening already, its connections stay open.
 *
 * @returns the inode of the socket
 * @throws SottoError DAEMON_RUNNING, UNAUTHORIZED (the path is not a socket), DAEMON_UNAVAILABLE
 */
export async function listenAt(server: Server, path: string): Promise<number> {
  checkSocketPath(path);
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before !== undefined) {
    if (!before.isSocket()) throw planted(path, before, 'the socket');
    if (await isListening(path))
      throw new SottoError('DAEMON_RUNNING', `another process already listens on ${path}`);
  }
  // When a server closes, Node removes the file at the path that it was bound to, even if another process has replaced it. So
  // the server binds to another name; the renamed file is removed by its inode.
  const draft = draftOf(path);
  const left = lstatSync(draft, { throwIfNoEntry: false });
  if (left !== undefined) {
    if (!left.isSocket()) throw planted(draft, left, 'a socket');
    unlinkSync(draft);
  }
  if (server.listening) server.close();
  const umask = process.umask(0o077);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(draft, () => {
        server.off('error', reject);
        resolve();
      });
      // `listen` has bound the socket by now; it must never have wider permissions.
      process.umask(umask);
    });
    chmodSync(draft, 0o600);
    const { ino } = lstatSync(draft);
    const now = lstatSync(path, { throwIfNoEntry: false });
    if (now?.ino !== before?.ino) {
      server.close();
      throw new SottoError('DAEMON_RUNNING', `another process created ${path}`);
    }
    renameSync(draft, path);
    return ino;
  } catch (error) {
    process.umask(umask);
    if (error instanceof SottoError) throw error;
    const isInUse = codeOf(error) === 'EADDRINUSE';
    throw isInUse
      ? new SottoError('DAEMON_RUNNING', `another process already listens on ${path}`, { cause: error })
      : new SottoError('DAEMON_UNAVAILABLE', `can't listen on ${path}: ${codedError(error).message}`, {
          cause: error,
          hint: `check the folder ${dirname(path)}`,
          retryable: !isForbidden(error),
        });
  }
}

/** Whether the socket at the path has this inode. No other file can have it while the server listens. */
export function isSocketInPlace(path: string, inode: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === inode;
}

/** Removes the socket, unless another process has replaced it. */
export function removeSocket(path: string, inode: number): void {
  try {
    if (isSocketInPlace(path, inode)) unlinkSync(path);
  } catch {
    // The file or its folder was removed meanwhile.
  }
}

function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}`);
}

/** Whether a retry would fail, too. */
export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '');
}

function planted(path: string, stats: Stats, expected: string): SottoError {
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
