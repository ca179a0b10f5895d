/**
 * SQLite, for who keeps something in a database: files for their user alone, with several processes at them.
 *
 * It comes from @photostructure/sqlite: Node's own `node:sqlite`, built against Node-API 9 with its binaries inside the
 * package, so that it runs on Node 20 and installs without fetching anything. When Node 20 is left behind, `node:sqlite`
 * takes its place with this one import. Looked at beside it: better-sqlite3 13 (needs Node-API 10; ends Node 20 with a
 * segmentation fault), 12 (downloads its binary), libsql (SQLite 3.45, which lacks the fix of 3.51.3 for damage when two
 * processes write the same WAL file), node-sqlite3-wasm (no WAL; a killed process leaves its lock behind).
 */
import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance as Database } from '@photostructure/sqlite';
import { makeFolder } from '../../make-folder.js';
import { messageOf } from '../../protocol/errors.js';

export { DatabaseSync, type Database };

/** Result codes of SQLite: BUSY, LOCKED, CORRUPT, NOTADB. The bytes above the lowest tell more than is needed here. */
const KINDS: Readonly<Record<number, 'damaged' | 'busy'>> = {
  5: 'busy',
  6: 'busy',
  11: 'damaged',
  26: 'damaged',
};

/** Makes the file for its user alone. One that is there stays as it is: it may be another program's. */
export function makeFile(path: string): void {
  makeFolder(dirname(path), 0o700);
  closeSync(openSync(path, 'a', 0o600));
}

/** Takes the rights of all but its user. SQLite makes its other files with the rights of this one. */
export function makePrivate(path: string): void {
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** The number that a schema has given itself; 0 in a new file. */
export function versionOf(db: Database): number {
  const row: unknown = db.prepare('PRAGMA user_version').get();
  const version: unknown = typeof row === 'object' && row !== null ? Reflect.get(row, 'user_version') : 0;
  return Number(version);
}

/** `damaged`: the file is none of SQLite's, or not as it should be. `busy`: another process writes. */
export function kindOf(error: unknown): 'damaged' | 'busy' | undefined {
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
