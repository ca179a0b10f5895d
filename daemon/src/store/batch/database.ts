/** batch.db: which files of which folders are done, and which texts Sotto wrote. It holds paths, dates, sizes and outcomes, never a word of a text. */
import { rmSync } from 'node:fs';
import { messageOf, SottoError } from '../../protocol/errors.js';
import { DatabaseSync, isDamage, makePrivate, versionOf, type Database } from '../sqlite/database.js';
import { transaction } from '../sqlite/transaction.js';

/** How long a write waits for that of another process. */
const BUSY_MS = 10_000;

/**
 * `identity` is what makes two calls the same work (see the command). `digest` is the SHA-256 of a text that is about to be
 * put in its place: after a kill in that moment, it says whether it got there.
 */
const TABLES = `
  CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    identity TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    touched_ms INTEGER NOT NULL,
    ended_ms INTEGER
  ) STRICT;
  CREATE INDEX run_by_identity ON run (identity, number);
  CREATE TABLE file (
    number INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
    path TEXT NOT NULL,
    target TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    digest TEXT,
    code TEXT,
    message TEXT,
    hint TEXT,
    audio_seconds REAL,
    work_seconds REAL,
    UNIQUE (run, path)
  ) STRICT;
  CREATE INDEX file_by_state ON file (run, state, number);
`;

/**
 * Since version 2: why a file was skipped, and the texts that Sotto wrote. `number` grows with each text, so the oldest are
 * known by it. Texts that version 1 wrote are among them as far as it remembered their hashes.
 */
const SINCE_2 = `
  ALTER TABLE file ADD COLUMN skipped TEXT;
  CREATE TABLE written (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    origin TEXT,
    UNIQUE (path, digest)
  ) STRICT;
  INSERT OR IGNORE INTO written (path, digest)
    SELECT target, digest FROM file WHERE state = 'done' AND digest IS NOT NULL;
`;

const VERSION = 2;

/**
 * Opens or makes the file. A damaged one is thrown away: the outputs are where they are, and what it knew beyond them is worth
 * less than a run that goes on.
 *
 * @throws SottoError OUTPUT_FAILED, VERSION_MISMATCH
 */
export function openBatchDatabase(path: string, onDamage: () => void): Database {
  try {
    makePrivate(path);
    try {
      return open(path);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
    onDamage();
    makePrivate(path);
    return open(path);
  } catch (error) {
    throw batchError(error, path);
  }
}

function open(path: string): Database {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.exec('PRAGMA journal_mode = WAL');
    // A kill loses nothing that was committed; a power cut may lose the last moments, which are then done again.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database, path: string): void {
  if (versionOf(db) === VERSION) return;
  transaction(db, () => {
    // Anew: another process may have been quicker.
    const version = versionOf(db);
    if (version > VERSION) {
      throw new SottoError('VERSION_MISMATCH', `${path} was written by a later version of Sotto`, {
        hint: 'update Sotto, or remove the file: what is done lies where it was written',
      });
    }
    if (version < 1) db.exec(TABLES);
    if (version < 2) db.exec(SINCE_2);
    db.exec(`PRAGMA user_version = ${VERSION}`);
  });
}

/** All of it or nothing. @throws SottoError OUTPUT_FAILED */
export function written<T>(db: Database, path: string, work: () => T): T {
  try {
    return transaction(db, work);
  } catch (error) {
    throw batchError(error, path);
  }
}

function batchError(error: unknown, path: string): SottoError {
  if (error instanceof SottoError) return error;
  return new SottoError('OUTPUT_FAILED', `${path}: ${messageOf(error)}`, {
    cause: error,
    hint: 'Sotto writes there what is done: check the rights of the folder, and that the disk is not full',
  });
}
