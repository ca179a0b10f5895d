/** Listens on a Unix socket in a private folder, and refuses a path with a foreign file or listener. */
import { chmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { codeOf, SottoError } from '../protocol/errors.js';
import { codedError } from '../protocol/file-errors.js';
import { checkSocketPath, planted } from '../socket-folder.js';
import { isListening } from './probe.js';

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
