/** The tables, and their migration from earlier versions. */
import { SottoError } from '../../protocol/errors.js';
import { versionOf, type Database } from '../sqlite/database.js';
import { writeOwner, type Owner } from '../sqlite/owner.js';
import { transaction } from '../sqlite/statements.js';

export const OWNER: Owner = {
  // `Sott`.
  applicationId: 0x536f7474,
  table: 'dictation',
  columns: ['id', 'started_ms', 'duration_seconds', 'changed_ms'],
};

/**
 * The tokens of `dictation.text` (tokenize.ts) under the same number. The tokenizer `ascii` splits them at spaces
 * only. Deleted tokens are overwritten, here too.
 */
export const INDEX = `
  CREATE VIRTUAL TABLE found USING fts5 (tokens, tokenize = 'ascii');
  INSERT INTO found (found, rank) VALUES ('secure-delete', 1);
`;

/** `changed_ms` is when a row got its state; `trash` holds deleted dictations as JSON for a day. */
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
 * `seen_ms`: when the user saw a dictation that wasn't delivered. `restored_ms`: when one was restored.
 * `recording`: names of our files, because the folder may hold others. `clock`: see sqlite/trusted-time.ts.
 */
const SECOND = `
  ALTER TABLE dictation ADD COLUMN seen_ms INTEGER;
  ALTER TABLE dictation ADD COLUMN restored_ms INTEGER;
  CREATE TABLE recording (name TEXT PRIMARY KEY) STRICT;
  INSERT OR IGNORE INTO recording (name) SELECT audio FROM dictation WHERE audio IS NOT NULL;
  CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), settled_ms INTEGER NOT NULL, step_ms INTEGER) STRICT;
`;

/** Size in bytes of a recording that is no WAV, whose size follows from its duration. */
const THIRD = `
  ALTER TABLE recording ADD COLUMN bytes INTEGER;
`;

/** Step i migrates from version i to i + 1. Published steps never change. */
const STEPS: readonly ((db: Database) => void)[] = [FIRST, SECOND, THIRD].map(
  (step) => (db: Database) => db.exec(step),
);

export const SCHEMA_VERSION = STEPS.length;

/** @throws SottoError VERSION_MISMATCH for a database of a newer Sotto */
export function migrate(db: Database): void {
  if (versionOf(db) === SCHEMA_VERSION) return;
  transaction(db, () => {
    // Read again: another process may have migrated it.
    const version = versionOf(db);
    if (version > SCHEMA_VERSION) {
      throw new SottoError('VERSION_MISMATCH', 'the history was written by a newer version of Sotto', {
        hint: 'update Sotto to read past dictations',
      });
    }
    for (const step of STEPS.slice(version)) step(db);
    writeOwner(db, OWNER);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}
