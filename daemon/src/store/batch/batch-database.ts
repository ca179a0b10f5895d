/**
 * batch.db: which files of which folders are done, and which texts Sotto wrote. It holds paths, dates, sizes and
 * results, but no text.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { SottoError } from '../../protocol/errors.js';
import { hintOf, reasonOf } from '../../protocol/file-errors.js';
import { moveAside } from '../sqlite/damaged.js';
import {
  DatabaseSync,
  isDamage,
  makeFile,
  makePrivate,
  versionOf,
  type Database,
} from '../sqlite/database.js';
import { checkOwner, foreignError, writeOwner, type Owner } from '../sqlite/owner.js';
import { CLOCK_TABLE } from '../sqlite/trusted-time.js';
import { transaction } from '../sqlite/statements.js';

/** How long a write waits for another process. */
const BUSY_MS = 10_000;

const OWNER: Owner = {
  // `Sotb`.
  applicationId: 0x536f7462,
  table: 'file',
  columns: ['run', 'target', 'modified_ms', 'digest'],
};

/**
 * `identity` is a hash that two calls for the same work share (see the command). `digest` is the SHA-256 of a text
 * that is about to be placed: after a kill it tells whether the text was placed.
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
 * Version 2 adds why a file was skipped, and the texts that Sotto wrote. `number` grows with each text, so it
 * orders them by age. Texts written under version 1 are included if their hashes are known.
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

/** Version 3 adds readings of the clock, see sqlite/trusted-time.ts. */
const SINCE_3 = CLOCK_TABLE;

const VERSION = 3;

/**
 * Opens or creates the file. A damaged file that Sotto wrote is renamed to `*.damaged-<time>` and replaced by a new
 * one: the outputs exist, and the other information matters less than a working run.
 *
 * @throws SottoError OUTPUT_FAILED, VERSION_MISMATCH
 */
export function openBatchDatabase(path: string, onDamage: () => void): Database {
  try {
    makeFile(path);
    try {
      return open(path);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    if (!startsLikeOurs(path)) throw foreignError(path);
    moveAside(path, Date.now());
    onDamage();
    makeFile(path);
    return open(path);
  } catch (error) {
    throw batchError(error, path);
  }
}

function open(path: string): Database {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    checkOwner(db, OWNER, path);
    makePrivate(path);
    db.exec('PRAGMA journal_mode = WAL');
    // A kill loses no committed transaction. A power cut may lose the last ones; their files are then done again.
    db.exec('PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF');
    migrate(db, path);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Whether Sotto wrote a damaged file, judged by its first page, which lists the tables. */
function startsLikeOurs(path: string): boolean {
  const page = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    readSync(file, page, 0, page.length, 0);
  } finally {
    closeSync(file);
  }
  const isDatabase = page.toString('latin1', 0, 15) === 'SQLite format 3';
  if (isDatabase && page.readInt32BE(68) === OWNER.applicationId) return true;
  return page.includes('CREATE TABLE run (') && page.includes('identity TEXT NOT NULL');
}

function migrate(db: Database, path: string): void {
  if (versionOf(db) === VERSION) return;
  transaction(db, () => {
    // Read again: another process may have migrated it.
    const version = versionOf(db);
    if (version > VERSION) {
      throw new SottoError('VERSION_MISMATCH', `${path} was written by a newer version of Sotto`, {
        hint: 'update Sotto, or delete the file; your transcripts are kept',
      });
    }
    if (version < 1) db.exec(TABLES);
    if (version < 2) db.exec(SINCE_2);
    if (version < 3) db.exec(SINCE_3);
    writeOwner(db, OWNER);
    db.exec(`PRAGMA user_version = ${VERSION}`);
  });
}

/** Runs `work` in a transaction. @throws SottoError OUTPUT_FAILED */
export function inTransaction<T>(db: Database, path: string, work: () => T): T {
  try {
    return transaction(db, work);
  } catch (error) {
    throw batchError(error, path);
  }
}

function batchError(error: unknown, path: string): SottoError {
  if (error instanceof SottoError) return error;
  return new SottoError('OUTPUT_FAILED', `${path}: ${reasonOf(error)}`, {
    cause: error,
    hint: hintOf(error) ?? 'check the permissions of the folder and the free disk space',
  });
}
