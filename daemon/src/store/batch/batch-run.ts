/**
 * The files of one run: `waiting → working → done | failed`, or `skipped`. Each step is on disk before the next one
 * starts, so that after a kill the next process knows which files were done and which were in progress.
 */
import { isErrorCode, type ErrorCode } from '../../protocol/errors.js';
import { all, first, run, type Row } from '../sqlite/statements.js';
import type { Database } from '../sqlite/database.js';
import { inTransaction } from './batch-database.js';
import { defined } from '../../protocol/defined.js';

export type FileState = 'waiting' | 'working' | 'done' | 'failed' | 'skipped';

/** Why a file is skipped: its text is up to date, or the text in its place was edited or is another program's. */
const SKIP_REASONS = ['done', 'edited', 'foreign'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** A file that was found in a folder. */
export interface NewFile {
  readonly path: string;
  readonly target: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Why there is nothing to do. */
  readonly skip?: SkipReason;
  /** Why it can't be read. */
  readonly failure?: Failure;
}

export interface BatchFile {
  readonly number: number;
  readonly path: string;
  readonly target: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly state: FileState;
  readonly skipped?: SkipReason;
  readonly failure?: Failure;
  readonly audioSeconds?: number;
  readonly workSeconds?: number;
}

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

interface Worked {
  readonly audioSeconds: number;
  readonly workSeconds: number;
}

export type Counts = Readonly<Record<FileState, number>>;

const COLUMNS =
  'number, path, target, bytes, modified_ms, state, skipped, code, message, hint, audio_seconds, work_seconds';

/** Every call may throw a SottoError OUTPUT_FAILED. */
export class BatchRun {
  readonly #db: Database;
  readonly #dbPath: string;
  readonly #run: number;

  constructor(db: Database, dbPath: string, number: number) {
    this.#db = db;
    this.#dbPath = dbPath;
    this.#run = number;
  }

  /**
   * Called first. A file that a killed process was working on is done if its text was placed; otherwise it waits
   * again.
   * @param digestOf the SHA-256 of a file; undefined if there is none
   */
  recover(digestOf: (target: string) => string | undefined): void {
    this.#write(() => {
      for (const row of all(
        this.#db,
        "SELECT number, target, digest FROM file WHERE run = ? AND state = 'working'",
        this.#run,
      )) {
        const placed = row.digest !== null && digestOf(String(row.target)) === row.digest;
        run(
          this.#db,
          'UPDATE file SET state = ? WHERE number = ?',
          placed ? 'done' : 'waiting',
          Number(row.number),
        );
      }
    });
  }

  /**
   * Adds files to the run. Known files keep their state, unless they have changed, which makes them wait again, or
   * can't be read any more, which makes them fail.
   */
  add(files: readonly NewFile[], nowMs = Date.now()): void {
    this.#write(() => {
      // A run with --watch may last for months.
      run(this.#db, 'UPDATE run SET touched_ms = ? WHERE number = ?', nowMs, this.#run);
      for (const file of files) {
        const { path, target, bytes, modifiedMs } = file;
        const known = first(
          this.#db,
          'SELECT number, bytes, modified_ms, state FROM file WHERE run = ? AND path = ?',
          this.#run,
          path,
        );
        if (known === undefined) {
          const state = file.failure !== undefined ? 'failed' : stateFor(file);
          const { code = null, message = null, hint = null } = file.failure ?? {};
          run(
            this.#db,
            `INSERT INTO file (run, path, target, bytes, modified_ms, state, skipped, code, message, hint)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
            ...[this.#run, path, target, bytes, modifiedMs, state, file.skip ?? null, code, message, hint],
          );
          continue;
        }
        if (known.state === 'working') continue;
        if (file.failure !== undefined) {
          this.#markUnreadable(Number(known.number), file.failure);
          continue;
        }
        const same = Number(known.bytes) === bytes && Number(known.modified_ms) === modifiedMs;
        // The text in its place, and whether it may be replaced, may have changed.
        if (same && known.state !== 'waiting' && known.state !== 'skipped') continue;
        // An output's name depends on the other files of the folder until the text is written.
        run(
          this.#db,
          `UPDATE file SET target = ?, bytes = ?, modified_ms = ?, state = ?, skipped = ?, digest = NULL,
             code = NULL, message = NULL, hint = NULL, audio_seconds = NULL, work_seconds = NULL WHERE number = ?`,
          ...[target, bytes, modifiedMs, stateFor(file), file.skip ?? null, Number(known.number)],
        );
      }
    });
  }

  /**
   * A file that is done stays done. Size and date are reset, so that a file that is readable again counts as
   * changed.
   */
  #markUnreadable(number: number, { code, message, hint }: Failure): void {
    run(
      this.#db,
      `UPDATE file SET state = 'failed', bytes = 0, modified_ms = 0, code = ?, message = ?, hint = ?
         WHERE number = ? AND state IN ('waiting', 'failed')`,
      code,
      message,
      hint,
      number,
    );
  }

  /** Hands the next waiting file to the caller. */
  next(): BatchFile | undefined {
    return this.#write(() => {
      const row = first(
        this.#db,
        `UPDATE file SET state = 'working', digest = NULL
           WHERE number = (SELECT number FROM file WHERE run = ? AND state = 'waiting' ORDER BY number LIMIT 1)
           RETURNING ${COLUMNS}`,
        this.#run,
      );
      return row === undefined ? undefined : fileOf(row);
    });
  }

  /** A text with this SHA-256 is about to be placed. */
  placing(file: BatchFile, digest: string): void {
    this.#write(() => run(this.#db, 'UPDATE file SET digest = ? WHERE number = ?', digest, file.number));
  }

  done(file: BatchFile, { audioSeconds, workSeconds }: Worked): void {
    this.#write(() =>
      run(
        this.#db,
        "UPDATE file SET state = 'done', audio_seconds = ?, work_seconds = ? WHERE number = ?",
        audioSeconds,
        workSeconds,
        file.number,
      ),
    );
  }

  /** Its text wasn't placed, because another file is in its place. */
  skipped(file: BatchFile, reason: SkipReason): void {
    this.#write(() =>
      run(
        this.#db,
        "UPDATE file SET state = 'skipped', skipped = ?, digest = NULL WHERE number = ?",
        reason,
        file.number,
      ),
    );
  }

  failed(file: BatchFile, { code, message, hint }: Failure): void {
    this.#write(() =>
      run(
        this.#db,
        "UPDATE file SET state = 'failed', code = ?, message = ?, hint = ? WHERE number = ?",
        code,
        message,
        hint,
        file.number,
      ),
    );
  }

  /** Returns a file without a result: it waits again. */
  putBack(file: BatchFile): void {
    this.#write(() =>
      run(this.#db, "UPDATE file SET state = 'waiting' WHERE number = ? AND state = 'working'", file.number),
    );
  }

  counts(): Counts {
    const counts = { waiting: 0, working: 0, done: 0, failed: 0, skipped: 0 };
    for (const row of all(
      this.#db,
      'SELECT state, count(*) AS files FROM file WHERE run = ? GROUP BY state',
      this.#run,
    )) {
      const state = stateOf(row.state);
      counts[state] = Number(row.files);
    }
    return counts;
  }

  /** All files in the order in which they were added. */
  files(state?: FileState): BatchFile[] {
    return all(
      this.#db,
      `SELECT ${COLUMNS} FROM file WHERE run = ? AND (? IS NULL OR state = ?) ORDER BY number`,
      this.#run,
      state ?? null,
      state ?? null,
    ).map(fileOf);
  }

  /** Ends the run: the same call starts a new one. */
  end(nowMs = Date.now()): void {
    this.#write(() => run(this.#db, 'UPDATE run SET ended_ms = ? WHERE number = ?', nowMs, this.#run));
  }

  #write<T>(work: () => T): T {
    return inTransaction(this.#db, this.#dbPath, work);
  }
}

function stateFor({ skip }: NewFile): FileState {
  return skip === undefined ? 'waiting' : 'skipped';
}

function fileOf(row: Row): BatchFile {
  const { code } = row;
  const skipped = SKIP_REASONS.find((reason) => reason === row.skipped);
  return {
    number: Number(row.number),
    path: String(row.path),
    target: String(row.target),
    bytes: Number(row.bytes),
    modifiedMs: Number(row.modified_ms),
    state: stateOf(row.state),
    ...defined({ skipped }),
    ...(isErrorCode(code) && {
      failure: { code, message: String(row.message ?? ''), hint: String(row.hint ?? '') },
    }),
    ...(row.audio_seconds !== null && { audioSeconds: Number(row.audio_seconds) }),
    ...(row.work_seconds !== null && { workSeconds: Number(row.work_seconds) }),
  };
}

function stateOf(value: unknown): FileState {
  switch (value) {
    case 'working':
    case 'done':
    case 'failed':
    case 'skipped':
      return value;
    default:
      return 'waiting';
  }
}
