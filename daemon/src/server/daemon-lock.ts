/**
 * One daemon per user, however many start at once: a lock of the system on a file beside the spool. The system releases it
 * with the process, so a running holder is never mistaken for a dead one, whatever has become of its socket. The process
 * number lies beside it, for commands that have to signal a daemon that does not answer.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sleep } from '../async.js';
import { makeFolder } from '../make-folder.js';
import { isRunning } from '../is-running.js';
import { codeOf, SottoError } from '../protocol/errors.js';
import { reasonOf } from '../protocol/file-errors.js';
import type { ProcessLock } from '../store/process-lock.js';
import { isListening } from './probe.js';

/** How long a holder may take until it listens: at its start, or where its socket file was removed. */
const STARTUP_TIMEOUT_MS = 10_000;
/** How often a daemon checks the files of its socket and its lock. */
export const FILE_CHECK_INTERVAL_MS = 2_000;
const RETRY_INTERVAL_MS = 50;
/** From the lock to the process number beside it takes a few milliseconds. */
const PID_TIMEOUT_MS = 1_000;

export interface DaemonPaths {
  /** File of the lock, in the folder that holds the spool. */
  readonly lock: string;
  readonly socket: string;
}

export interface Lock {
  /** Whether the lock's file is still the one that is locked: another process could lock a new file of this name. */
  isInPlace(): boolean;
  /** Locks the file that is there now, or makes one. False if another process has done so, or the folder is gone. @throws SottoError */
  replace(): boolean;
  release(): void;
}

type TryLock = (path: string) => ProcessLock | undefined;

/** SQLite is loaded where a lock is tried, not by every command. */
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
 * Waits for a holder that does not listen yet.
 * @param waitMs how long
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
      throw new SottoError('DAEMON_RUNNING', `a daemon runs${process}, but does not listen at ${socket}`, {
        hint: 'stop it with `sotto daemon stop`, then try again',
      });
    }
  }
}

/** The process that wrote its number last; it may have ended. */
export function lastHolder({ lock }: Pick<DaemonPaths, 'lock'>): { pid: number } | undefined {
  try {
    const pid = Number(readFileSync(pidFile(lock), 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? { pid } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The process of the daemon that runs, whether it answers or not.
 * @throws SottoError DAEMON_UNAVAILABLE if the lock is held by a process of unknown number, or can't be read
 */
export async function activeHolder(paths: DaemonPaths): Promise<{ pid: number } | undefined> {
  // A file with content is another program's: ours stays empty.
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
      throw new SottoError('DAEMON_UNAVAILABLE', 'a daemon runs, but its process number is not known');
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

/** @param error of the system or of SQLite, about a file in Sotto's folder that the daemon can't do without */
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

/** Never that of a process before: whoever reads it may send a signal. */
function writePid(lock: string): void {
  const path = pidFile(lock);
  const draft = `${path}.new`;
  try {
    rmSync(path, { force: true });
    writeFileSync(draft, String(process.pid), { mode: 0o600 });
    renameSync(draft, path);
  } catch {
    // Such as a full disk. Only a command that can't reach the daemon needs the number.
    rmSync(draft, { force: true });
  }
}

function pidFile(lock: string): string {
  return `${lock}.pid`;
}

function processText(lock: string): string {
  const holder = lastHolder({ lock });
  return holder === undefined ? '' : ` (process ${holder.pid})`;
}
