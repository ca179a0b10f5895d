/** The tables, and how a database of an earlier version becomes one of this. */
import type { DatabaseSyncInstance as Database } from '@photostructure/sqlite';
import { SottoError } from '../../protocol/errors.js';

/**
 * The tokens of `dictation.text` (fold.ts) under the same number. The tokenizer `ascii` parts them at the spaces between
 * them and at nothing else. What is gone is overwritten, here too.
 */
export const INDEX = `
  CREATE VIRTUAL TABLE found USING fts5 (tokens, tokenize = 'ascii');
  INSERT INTO found (found, rank) VALUES ('secure-delete', 1);
`;

/** `changed_ms` is when a row became what it is; `trash` holds what was deleted, as JSON, for a day. */
const FIRST = `
  CREATE TABLE dictation (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    started_ms INTEGER NOT NULL,
    duration_seconds REAL NOT NULL,
    text TEXT NOT NULL,
    language TEXT,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    error_code TEXT,
    audio TEXT,
    words TEXT,
    changed_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX dictation_by_start ON dictation (started_ms);
  ${INDEX}
  CREATE TRIGGER dictation_gone AFTER DELETE ON dictation BEGIN
    DELETE FROM found WHERE rowid = old.number;
  END;
  CREATE TABLE trash (
    id TEXT PRIMARY KEY,
    deleted_ms INTEGER NOT NULL,
    deletion INTEGER NOT NULL,
    dictation TEXT NOT NULL
  ) STRICT;
`;

/** Step i makes version i + 1 out of version i. Steps that were published are never changed. */
const STEPS: readonly ((db: Database) => void)[] = [(db) => db.exec(FIRST)];

export const SCHEMA_VERSION = STEPS.length;

/** @throws SottoError VERSION_MISMATCH for a database of a later Sotto */
export function migrate(db: Database): void {
  if (versionOf(db) === SCHEMA_VERSION) return;
  transaction(db, () => {
    // Anew: another process may have been quicker.
    const version = versionOf(db);
    if (version > SCHEMA_VERSION) {
      throw new SottoError('VERSION_MISMATCH', 'the history was written by a later version of Sotto', {
        hint: 'update Sotto; until then past dictations can’t be read',
      });
    }
    for (const step of STEPS.slice(version)) step(db);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function versionOf(db: Database): number {
  const row: unknown = db.prepare('PRAGMA user_version').get();
  const version: unknown = typeof row === 'object' && row !== null ? Reflect.get(row, 'user_version') : 0;
  return Number(version);
}

/** All of `work` or nothing of it. Takes the right to write at once, so that it never has to give up halfway. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has ended it by itself after some failures.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
