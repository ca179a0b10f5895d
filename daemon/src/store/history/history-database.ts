/** Opens history.db. */
import { SottoError } from '../../protocol/errors.js';
import { hintOf, reasonOf } from '../../protocol/file-errors.js';
import { DatabaseSync, kindOf, makePrivate, type Database } from '../sqlite/database.js';
import { checkOwner } from '../sqlite/owner.js';
import { first, run } from '../sqlite/statements.js';
import { trustedTime as trustedTimeOf } from '../sqlite/trusted-time.js';
import { migrate, OWNER } from './schema.js';

/**
 * @param busyMs how long a call may block its thread while another process writes
 * @throws SottoError VERSION_MISMATCH, OUTPUT_FAILED (a file of another program); SQLite's error for a file that is
 *   damaged or can't be opened
 */
export function openDatabase(path: string, busyMs: number): Database {
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    checkOwner(db, OWNER, path);
    makePrivate(path);
    useWal(db);
    // FULL, because a dictation's spool is deleted once it is here, so it must be on disk by then.
    db.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF');
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function useWal(db: Database): void {
  try {
    db.exec('PRAGMA journal_mode = WAL');
  } catch (error) {
    // Another process is using the file; the next one to open it switches to WAL.
    if (kindOf(error) !== 'busy') throw error;
  }
}

/** Converts an error of SQLite. */
export function historyError(error: unknown, path: string): SottoError {
  if (error instanceof SottoError) return error;
  const busy = kindOf(error) === 'busy';
  return new SottoError('OUTPUT_FAILED', `${path}: ${reasonOf(error)}`, {
    cause: error,
    retryable: busy,
    hint: busy
      ? 'another process is writing to the history: try again'
      : (hintOf(error) ?? 'check the permissions of the file and its folder, and the free disk space'),
  });
}

/** The time that decides what is deleted (trusted-time.ts). Called inside a transaction. @returns ms since 1970, never later than the clock */
export function trustedTime(db: Database, nowMs: number): number {
  // Entries dated by a clock that was ahead are deleted a day after its correction.
  run(db, 'UPDATE trash SET deleted_ms = ? WHERE deleted_ms > ?', nowMs, nowMs);
  return trustedTimeOf(db, nowMs, (beforeMs) => {
    const row = first(db, 'SELECT max(changed_ms) AS newest FROM dictation WHERE changed_ms < ?', beforeMs);
    return typeof row?.newest === 'number' ? row.newest : undefined;
  });
}
