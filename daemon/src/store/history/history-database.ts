/** history.db as a file. */
import { SottoError } from '../../protocol/errors.js';
import { hintOf, reasonOf } from '../../protocol/file-errors.js';
import { DatabaseSync, kindOf, makePrivate, type Database } from '../sqlite/database.js';
import { checkOwner } from '../sqlite/owner.js';
import { migrate, OWNER } from './schema.js';

/**
 * @param busyMs how long a call waits, and blocks its thread, while another process writes
 * @throws SottoError VERSION_MISMATCH, OUTPUT_FAILED (a file of another program); whatever SQLite says of a file that is
 * damaged or can't be opened
 */
export function openDatabase(path: string, busyMs: number): Database {
  const db = new DatabaseSync(path, { timeout: busyMs });
  try {
    checkOwner(db, OWNER, path);
    makePrivate(path);
    useWal(db);
    // FULL: a dictation's spool goes when it is here, so it has to be on the disk by then.
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
    // Another process is at it in this moment; whoever opens the file next does it.
    if (kindOf(error) !== 'busy') throw error;
  }
}

/** What SQLite throws as an error of ours. */
export function historyError(error: unknown, path: string): SottoError {
  if (error instanceof SottoError) return error;
  const busy = kindOf(error) === 'busy';
  return new SottoError('OUTPUT_FAILED', `${path}: ${reasonOf(error)}`, {
    cause: error,
    retryable: busy,
    hint: busy
      ? 'another program holds the history: try again'
      : (hintOf(error) ?? 'check the file and its folder: may you write there, is the disk full?'),
  });
}
