/**
 * SQLite files that only the user can read, shared by several processes.
 *
 * The binding is @photostructure/sqlite: Node's own `node:sqlite`, built against Node-API 9 with its binaries
 * inside the package, so that it runs on Node 20 and installs without downloads. Once Node 20 is dropped,
 * `node:sqlite` can replace it by changing this one import. Rejected: better-sqlite3 13 (needs Node-API 10; crashes
 * Node 20 with a segmentation fault) and 12 (downloads its binary), libsql (SQLite 3.45, which lacks the fix of
 * 3.51.3 for corruption when two processes write the same WAL file), node-sqlite3-wasm (no WAL; a killed process
 * leaves its lock behind).
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance as Database } from '@photostructure/sqlite';
import { makeFolder } from '../../make-folder.js';
import { messageOf } from '../../protocol/errors.js';

export { DatabaseSync, type Database };

/** SQLite's result codes BUSY, LOCKED, CORRUPT, NOTADB. The bytes above the lowest are extended codes. */
const KINDS: Readonly<Record<number, 'damaged' | 'busy'>> = {
  5: 'busy',
  6: 'busy',
  11: 'damaged',
  26: 'damaged',
};

/** Creates the file for its user only. An existing one isn't changed: it may be another program's. */
export function makeFile(path: string): void {
  makeFolder(dirname(path), 0o700);
  closeSync(openSync(path, 'a', 0o600));
}

/** Removes the permissions of other users. SQLite creates its other files with the permissions of this one. */
export function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** The schema's version; 0 in a new file. */
export function versionOf(db: Database): number {
  const row: unknown = db.prepare('PRAGMA user_version').get();
  const version: unknown = typeof row === 'object' && row !== null ? Reflect.get(row, 'user_version') : 0;
  return Number(version);
}

/** `damaged`: not a SQLite file, or corrupt. `busy`: another process is writing. */
export function kindOf(error: unknown): 'damaged' | 'busy' | undefined {
  const code: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'errcode') : undefined;
  if (typeof code === 'number') return KINDS[code & 0xff];
  // An error between two rows has no result code, only SQLite's message.
  const message = messageOf(error);
  if (/malformed|not a database|corrupt/.test(message)) return 'damaged';
  return /database (table )?is locked/.test(message) ? 'busy' : undefined;
}

export function isDamage(error: unknown): boolean {
  return kindOf(error) === 'damaged';
}
