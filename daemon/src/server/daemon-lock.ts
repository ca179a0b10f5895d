/**
 * Allows one daemon per user: a system lock on a file next to the spool. The system releases it when the process ends, so that a
 * running holder is never taken for a dead one, even if its socket is missing. A second file has the process id, for commands
 * that must signal a daemon that does not answer.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sleep } from '../async.js';
import { makeFolder } from '../make-folder.js';
import { isRunning } from '../is-running.js';
import { SottoError } from '../protocol/errors.js';
import { unwritableHome } from '../socket-folder.js';
import type { ProcessLock } from '../store/process-lock.js';
import { isListening } from './probe.js';

/** Time for the holder to listen, at its start or after its socket file was removed. */
const STARTUP_TIMEOUT_MS = 10_000;
/** Interval at which a daemon checks its socket file and its lock file. */
export const FILE_CHECK_INTERVAL_MS = 2_000;
const RETRY_INTERVAL_MS = 50;
/** Time for the holder to write its process id, which takes a few milliseconds. */
const PID_TIMEOUT_MS = 1_000;

export interface DaemonPaths {
  /** The lock file, in the folder of the spool. */
  readonly lock: string;
  readonly socket: string;
}

export interface Lock {
  /** Whether the locked file still exists under its name. Otherwise another process could lock a new file. */
  isInPlace(): boolean;
  /** Locks the current file, or makes one. @returns false if another process holds it or the folder is missing. @throws SottoError */
  replace(): boolean;
  release(): void;
}

type TryLock = (path: string) => ProcessLock | undefined;

/** Loads SQLite only here, because most commands need no lock. */
async function loadTryLock(): Promise<TryLock> {
  const { tryLock } = await import('../store/process-lock.js');
  return (path) => {
    try {
      makeFolder(dirname(path), 0o700);
      return tryLock(path);
    } catch (error) {
      throw unwritableHome(path, error);
    }
  };
}

/**
 * Acquires the lock. While its holder does not listen yet, waits until the holder listens or exits.
 * @param waitMs limit of that wait
 * @throws SottoError DAEMON_RUNNING, DAEMON_UNAVAILABLE (the folder can't be written)
 */
export async function acquireLock(
  { lock, socket }: DaemonPaths,
  waitMs: number = STARTUP_TIMEOUT_MS,
): Promise<Lock> {
  const tryLock = await loadTryLock();
  for (const untilMs = performance.now() + waitMs; ; await sleep(RETRY_INTERVAL_MS)) {
    const held = tryDaemonLock(lock, tryLock);
    if (held !== undefined) return held;
    const process = processText(lock);
    if (await isListening(socket)) {
      throw new SottoError('DAEMON_RUNNING', `a daemon is already running${process}`);
    }
    if (performance.now() > untilMs) {
      throw new SottoError(
        'DAEMON_RUNNING',
        `a daemon is running${process}, but does not listen on ${socket}`,
        {
          hint: 'stop it with `sotto daemon stop`, then try again',
        },
      );
    }
  }
}

/** The process that last held the lock; it may have exited. */
export function lastHolder({ lock }: Pick<DaemonPaths, 'lock'>): { pid: number } | undefined {
  try {
    const pid = Number(readFileSync(pidFile(lock), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? { pid } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The process of the running daemon, even if it does not answer.
 * @throws SottoError DAEMON_UNAVAILABLE if the lock can't be read, or the id of its holder is unknown
 */
export async function activeHolder(paths: DaemonPaths): Promise<{ pid: number } | undefined> {
  // A file with content belongs to another program; the lock file is always empty.
  if ((statSync(paths.lock, { throwIfNoEntry: false })?.size ?? 1) > 0) return undefined;
  const tryLock = await loadTryLock();
  for (
    const untilMs = performance.now() + PID_TIMEOUT_MS;
    existsSync(paths.lock);
    await sleep(RETRY_INTERVAL_MS)
  ) {
    const free = tryLock(paths.lock);
    free?.release();
    if (free !== undefined) return undefined;
    const holder = lastHolder(paths);
    if (holder !== undefined && isRunning(holder.pid)) return holder;
    if (performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', 'a daemon is running, but its process id is unknown');
    }
  }
  return undefined;
}

function tryDaemonLock(path: string, tryLock: TryLock): Lock | undefined {
  let held = tryLock(path);
  if (held === undefined) return undefined;
  writePid(path);
  return {
    isInPlace: () => held?.isInPlace() === true,
    replace: () => {
      if (!existsSync(dirname(path))) return false;
      const next = tryLock(path);
      if (next === undefined) return false;
      held?.release();
      held = next;
      writePid(path);
      return true;
    },
    release: () => {
      if (held?.isInPlace() === true) rmSync(pidFile(path), { force: true });
      held?.release();
      held = undefined;
    },
  };
}

/** Removes the id of an earlier process first, because a reader may signal that process. */
function writePid(lock: string): void {
  const path = pidFile(lock);
  const draft = `${path}.new`;
  try {
    rmSync(path, { force: true });
    writeFileSync(draft, String(process.pid), { mode: 0o600 });
    renameSync(draft, path);
  } catch {
    // For example a full disk. Only a command that can't reach the daemon needs the id.
    rmSync(draft, { force: true });
  }
}

function pidFile(lock: string): string {
  return `${lock}.pid`;
}

function processText(lock: string): string {
  const holder = lastHolder({ lock });
  return holder === undefined ? '' : ` (pid ${holder.pid})`;
}
