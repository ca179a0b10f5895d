/**
 * Detects whether a database is Sotto's: other programs have files called `history.db`, too, and those are never
 * changed.
 */
import { SottoError } from '../../protocol/errors.js';
import { versionOf, type Database } from './database.js';
import { all, first } from './statements.js';

/** Identifies one of Sotto's databases. */
export interface Owner {
  /** SQLite's `application_id`, 32 bits in the header. Files of the first versions of Sotto have 0. */
  readonly applicationId: number;
  /** A table of every version of it, and columns of that table. */
  readonly table: string;
  readonly columns: readonly string[];
}

/** Read-only. @throws SottoError OUTPUT_FAILED for a database of another program */
export function checkOwner(db: Database, owner: Owner, path: string): void {
  if (!isOwn(db, owner)) throw foreignError(path);
}

export function foreignError(path: string): SottoError {
  return new SottoError('OUTPUT_FAILED', `${path} belongs to another program`, {
    hint: 'move it elsewhere, or set SOTTO_HOME to another folder; Sotto does not change it',
  });
}

/** Called inside the transaction that creates or migrates the tables. */
export function writeOwner(db: Database, { applicationId }: Owner): void {
  db.exec(`PRAGMA application_id = ${applicationId}`);
}

function isOwn(db: Database, { applicationId, table, columns }: Owner): boolean {
  const id = Number(first(db, 'PRAGMA application_id')?.application_id ?? 0);
  if (id !== 0) return id === applicationId;
  const names = new Set(all(db, 'SELECT name FROM pragma_table_info(?)', table).map(({ name }) => name));
  if (columns.every((name) => names.has(name))) return true;
  return versionOf(db) === 0 && Number(first(db, 'SELECT count(*) AS n FROM sqlite_master')?.n) === 0;
}
