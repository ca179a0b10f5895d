/**
 * history.db as a file: opened for its user alone, with several processes at it.
 *
 * SQLite comes from @photostructure/sqlite: Node's own `node:sqlite`, built against Node-API 9 with its binaries inside the
 * package, so that it runs on Node 20 and installs without fetching anything. When Node 20 is left behind, `node:sqlite`
 * takes its place with this one import. Looked at beside it: better-sqlite3 13 (needs Node-API 10; ends Node 20 with a
 * segmentation fault), 12 (downloads its binary), libsql (SQLite 3.45, which lacks the fix of 3.51.3 for damage when two
 * processes write the same WAL file), node-sqlite3-wasm (no WAL; a killed process leaves its lock behind).
 */
import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance as Database } from '@photostructure/sqlite';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { migrate } from './schema.js';

export type { Database };

/** How long a write waits for that of another process. */
const BUSY_MS = 5000;

/** Result codes of SQLite: BUSY, LOCKED, CORRUPT, NOTADB. The bytes above the lowest tell more than is needed here. */
const KINDS: Readonly<Record<number, 'damaged' | 'busy'>> = {
  5: 'busy',
  6: 'busy',
  11: 'damaged',
  26: 'damaged',
};

/** @throws SottoError VERSION_MISMATCH; whatever SQLite says of a file that is damaged or can't be opened */
export function openDatabase(path: string): Database {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
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

/** Makes the file for its user alone. SQLite makes its other files with the rights of this one. */
export function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

function useWal(db: Database): void {
  try {
    db.exec('PRAGMA journal_mode = WAL');
  } catch (error) {
    // Another process is at it in this moment; whoever opens the file next does it.
    if (kindOf(error) !== 'busy') throw error;
  }
}

/** `damaged`: the file is none of SQLite's, or not as it should be. `busy`: another process writes. */
function kindOf(error: unknown): 'damaged' | 'busy' | undefined {
  const code: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'errcode') : undefined;
  if (typeof code === 'number') return KINDS[code & 0xff];
  // What fails between two rows comes without the number, with SQLite's own words for it.
  const message = messageOf(error);
  if (/malformed|not a database|corrupt/.test(message)) return 'damaged';
  return /database (table )?is locked/.test(message) ? 'busy' : undefined;
}

export function isDamage(error: unknown): boolean {
  return kindOf(error) === 'damaged';
}

/** What SQLite throws as an error of ours. */
export function historyError(error: unknown, path: string): SottoError {
  if (error instanceof SottoError) return error;
  const busy = kindOf(error) === 'busy';
  return new SottoError('OUTPUT_FAILED', `${path}: ${messageOf(error)}`, {
    cause: error,
    retryable: busy,
    hint: busy
      ? 'another program holds the history: try again'
      : 'check the file and its folder: may you write there, is the disk full?',
  });
}
