/**
 * Limits a resource to one process: the daemon's spool, a model's download, a file that is changed, the microphone.
 * The lock is SQLite's lock on a file: the system releases it with the process, however that ends, so there are no
 * stale locks. The file stays empty and is removed with the lock.
 */
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { throwIfCancelled } from '../async.js';
import { pause, type Clock } from '../clock.js';
import { messageOf } from '../protocol/errors.js';
import { diskError } from './download/download-errors.js';

export interface ProcessLock {
  /** Whether the file at the path is still the locked one. */
  isInPlace(): boolean;
  release(): void;
}

const RETRY_INTERVAL_MS = 250;
/** A holder that exits removes its file, so a lock may be on a removed file. */
const MAX_ATTEMPTS = 10;
/** Keeps held locks from the garbage collector, which would close the database and so release the lock. */
const held = new Set<InstanceType<typeof DatabaseSync>>();

/** Undefined if another process (or another holder in this one) has the lock. @throws SottoError */
export function tryLock(path: string): ProcessLock | undefined {
  try {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const before = identityOf(path);
      const db = openLocked(path);
      if (db === undefined) return undefined;
      const isInPlace = (): boolean => before !== undefined && identityOf(path) === before;
      if (isInPlace()) {
        held.add(db);
        return { isInPlace, release: () => release(db, path, isInPlace()) };
      }
      // Just created, by this attempt or another process: only a file that existed before is known to be the locked
      // one.
      db.close();
    }
    return undefined;
  } catch (error) {
    throw diskError(error, path);
  }
}

/**
 * Opens the file through SQLite only: closing any descriptor of the file would release all locks of this process on
 * it.
 */
function openLocked(path: string): InstanceType<typeof DatabaseSync> | undefined {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // Without a journal on disk, which a killed holder would leave behind.
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    if (/locked|busy/i.test(messageOf(error))) return undefined;
    throw error;
  }
}

function release(db: InstanceType<typeof DatabaseSync>, path: string, isInPlace: boolean): void {
  if (!held.delete(db)) return;
  try {
    // Removed while it is locked. A file with content isn't ours.
    if (isInPlace && statSync(path).size === 0) unlinkSync(path);
  } catch {
    // It stays, as after a kill.
  }
  db.close();
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}:${stats.ctimeMs}`;
}

/** Waits for the lock. @throws SottoError CANCELLED */
export async function acquireLock(
  path: string,
  { clock, signal, onWait }: { clock: Clock; signal: AbortSignal; onWait: () => void },
): Promise<ProcessLock> {
  for (let isFirst = true; ; isFirst = false) {
    throwIfCancelled(signal);
    const lock = tryLock(path);
    if (lock !== undefined) return lock;
    if (isFirst) onWait();
    await pause(RETRY_INTERVAL_MS, clock, signal);
  }
}

/** Removes the locks in a folder that no process holds, such as those of killed processes. */
export function sweepLocks(folder: string, pattern: RegExp): void {
  for (const name of namesIn(folder)) {
    if (!pattern.test(name)) continue;
    try {
      tryLock(join(folder, name))?.release();
    } catch {
      // Not a lock, or not writable: it stays.
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
