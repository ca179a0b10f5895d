/**
 * Which texts Sotto wrote, by path and hash: only those may be replaced. A row is written before its text is
 * placed, so that a kill in between leaves no unknown text. A lost row only causes a question: a text without a row
 * is kept.
 */
import { first, run } from '../sqlite/statements.js';
import type { Database } from '../sqlite/database.js';
import { inTransaction } from './batch-database.js';

/** The newest rows to keep, about 300 bytes each. */
const MAX_ROWS = 250_000;

interface WrittenText {
  /** Hash of the inputs of the text, if known: the state of the audio file, the model and the options. */
  readonly origin?: string;
}

/** Paths are absolute, digests SHA-256 in hexadecimal. Every call may throw a SottoError OUTPUT_FAILED. */
export class WrittenTexts {
  readonly #db: Database;
  readonly #dbPath: string;

  constructor(db: Database, dbPath: string) {
    this.#db = db;
    this.#dbPath = dbPath;
  }

  /** The text with this hash at this path; undefined if Sotto didn't write it there. */
  find(path: string, digest: string): WrittenText | undefined {
    const row = first(this.#db, 'SELECT origin FROM written WHERE path = ? AND digest = ?', path, digest);
    if (row === undefined) return undefined;
    return row.origin === null ? {} : { origin: String(row.origin) };
  }

  /** Whether Sotto ever wrote a text at this path. */
  knows(path: string): boolean {
    return first(this.#db, 'SELECT 1 FROM written WHERE path = ? LIMIT 1', path) !== undefined;
  }

  /** A text is about to be placed. */
  placing(path: string, digest: string, origin?: string): void {
    this.#write(() =>
      run(
        this.#db,
        'INSERT OR REPLACE INTO written (path, digest, origin) VALUES (?, ?, ?)',
        ...[path, digest, origin ?? null],
      ),
    );
  }

  /** The text was placed: earlier texts at this path are forgotten. */
  placed(path: string, digest: string): void {
    this.#write(() => run(this.#db, 'DELETE FROM written WHERE path = ? AND digest <> ?', path, digest));
  }

  /** The text wasn't placed. */
  notPlaced(path: string, digest: string): void {
    this.#write(() => run(this.#db, 'DELETE FROM written WHERE path = ? AND digest = ?', path, digest));
  }

  prune(maxRows = MAX_ROWS): void {
    this.#write(() =>
      run(this.#db, 'DELETE FROM written WHERE number <= (SELECT max(number) FROM written) - ?', maxRows),
    );
  }

  #write<T>(work: () => T): T {
    return inTransaction(this.#db, this.#dbPath, work);
  }
}
