/** The tables, and how a database of an earlier version becomes one of this. */
import { SottoError } from '../../protocol/errors.js';
import { versionOf, type Database } from '../sqlite/database.js';
import { writeOwner, type Owner } from '../sqlite/owner.js';
import { transaction } from '../sqlite/transaction.js';

export const OWNER: Owner = {
  // `Sott`.
  applicationId: 0x536f7474,
  table: 'dictation',
  columns: ['id', 'started_ms', 'duration_seconds', 'changed_ms'],
};

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

/**
 * `seen_ms`: when the user saw one that was not delivered. `restored_ms`: when one was brought back. `recording`: names of the
 * files that were written here, since the folder may hold others. `clock`: see sqlite/settled-time.ts.
 */
const SECOND = `
  ALTER TABLE dictation ADD COLUMN seen_ms INTEGER;
  ALTER TABLE dictation ADD COLUMN restored_ms INTEGER;
  CREATE TABLE recording (name TEXT PRIMARY KEY) STRICT;
  INSERT OR IGNORE INTO recording (name) SELECT audio FROM dictation WHERE audio IS NOT NULL;
  CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), settled_ms INTEGER NOT NULL, step_ms INTEGER) STRICT;
`;

/** Step i makes version i + 1 out of version i. Steps that were published are never changed. */
const STEPS: readonly ((db: Database) => void)[] = [(db) => db.exec(FIRST), (db) => db.exec(SECOND)];

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
    writeOwner(db, OWNER);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}
