/** Makes the place of the socket safe: the folder ours alone, nothing planted at the path, nobody listening. */
import { chmodSync, lstatSync, renameSync, unlinkSync, type Stats } from 'node:fs';
import type { Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import { MAX_SOCKET_PATH_BYTES } from '../paths.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { unwritableHome } from './daemon-lock.js';
import { isListening } from './probe.js';

/** @throws SottoError INVALID_ARGUMENT when the system could not hold the path */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    throw new SottoError(
      'INVALID_ARGUMENT',
      `the path of the socket has ${bytes} bytes, ${MAX_SOCKET_PATH_BYTES} are possible: ${path}`,
      { hint: 'set SOTTO_HOME to a shorter folder' },
    );
  }
}

/**
 * Creates the folder with mode 0700, or checks that it is ours and nobody else can write in it.
 * @throws SottoError UNAUTHORISED, DAEMON_UNAVAILABLE (it can't be made)
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
    throw new SottoError('UNAUTHORISED', `${folder} belongs to another user`, {
      hint: 'set SOTTO_HOME to a folder of your own',
    });
  }
  if ((stats.mode & 0o022) !== 0) {
    throw new SottoError('UNAUTHORISED', `others may write in ${folder}`, {
      hint: `look at what is in it, then: chmod 700 '${folder}'`,
    });
  }
  if ((stats.mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/**
 * Listens at the path with mode 0600, in place of what a daemon that was killed left there. The caller holds the lock of the
 * daemon. The server may have listened before: its connections stay.
 *
 * @returns the inode of the socket
 * @throws SottoError DAEMON_RUNNING, UNAUTHORISED (something else lies there), DAEMON_UNAVAILABLE
 */
export async function listenAt(server: Server, path: string): Promise<number> {
  checkSocketPath(path);
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before !== undefined) {
    if (!before.isSocket()) throw planted(path, before, 'the socket');
    if (await isListening(path))
      throw new SottoError('DAEMON_RUNNING', `something listens at ${path} already`);
  }
  // Node removes the file of a server that closes by the name that it was bound to, whatever lies there by then. So it is
  // bound to another name; the renamed file is ours to remove, by its inode.
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
      // `listen` binds before it returns; the socket must never be seen with wider permissions.
      process.umask(umask);
    });
    chmodSync(draft, 0o600);
    const { ino } = lstatSync(draft);
    const now = lstatSync(path, { throwIfNoEntry: false });
    if (now?.ino !== before?.ino) {
      server.close();
      throw new SottoError('DAEMON_RUNNING', `something else appeared at ${path}`);
    }
    renameSync(draft, path);
    return ino;
  } catch (error) {
    process.umask(umask);
    if (error instanceof SottoError) throw error;
    const taken = codeOf(error) === 'EADDRINUSE';
    throw taken
      ? new SottoError('DAEMON_RUNNING', `something listens at ${path} already`, { cause: error })
      : new SottoError('DAEMON_UNAVAILABLE', `can't listen at ${path}: ${codedError(error).message}`, {
          cause: error,
          hint: `check the folder ${dirname(path)}`,
          retryable: !isForbidden(error),
        });
  }
}

/** Whether the socket at the path is the one with this inode. While its server listens, no other file has that number. */
export function isSocketInPlace(path: string, inode: number): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.ino === inode;
}

/** Removes the socket, unless another process has put its own in the place. */
export function removeSocket(path: string, inode: number): void {
  try {
    if (isSocketInPlace(path, inode)) unlinkSync(path);
  } catch {
    // It was removed in between, or its folder was.
  }
}

function draftOf(path: string): string {
  return join(dirname(path), `.${basename(path)}`);
}

/** What the system does not allow it will not allow the next time either. */
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
  return new SottoError('UNAUTHORISED', `${path} is ${what}, not ${expected}`, {
    hint: `find out who put it there, then remove it`,
  });
}
