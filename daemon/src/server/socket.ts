/** Makes the place of the socket safe: the folder ours alone, nothing planted at the path, nobody listening. */
import { chmodSync, lstatSync, mkdirSync, unlinkSync, type Stats } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { MAX_SOCKET_PATH_BYTES } from '../paths.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import type { Lock } from './lock.js';
import { answers } from './probe.js';

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
 * @throws SottoError UNAUTHORISED
 */
export function securePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
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
 * Removes what a daemon that was killed left at the path, then listens there with mode 0600.
 * @throws SottoError DAEMON_RUNNING, UNAUTHORISED (something else lies there)
 */
export async function listenAt(server: Server, path: string, lock: Lock): Promise<void> {
  checkSocketPath(path);
  const before = lstatSync(path, { throwIfNoEntry: false });
  if (before !== undefined) {
    if (!before.isSocket()) throw planted(path, before, 'the socket');
    if (await answers(path)) throw new SottoError('DAEMON_RUNNING', `something listens at ${path} already`);
  }
  // From here to the bind nothing is awaited: no other process of ours can stand between.
  if (!lock.mayStart()) throw new SottoError('DAEMON_RUNNING', 'another daemon started in the meantime');
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (now !== undefined) {
    if (now.ino !== before?.ino) throw new SottoError('DAEMON_RUNNING', `something else appeared at ${path}`);
    unlinkSync(path);
  }
  const umask = process.umask(0o077);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
      // `listen` binds before it returns; the socket must never be seen with wider permissions.
      process.umask(umask);
    });
    chmodSync(path, 0o600);
  } catch (error) {
    process.umask(umask);
    const taken = codeOf(error) === 'EADDRINUSE';
    throw taken
      ? new SottoError('DAEMON_RUNNING', `something listens at ${path} already`, { cause: error })
      : new SottoError('DAEMON_UNAVAILABLE', `can't listen at ${path}: ${SottoError.from(error).message}`, {
          cause: error,
          hint: `check the folder ${dirname(path)}`,
          retryable: !isForbidden(error),
        });
  }
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
