/**
 * The files of one run: `waiting → working → done | failed`, or `skipped`. Each step is on disk before the next one begins, so
 * that whoever goes on after a kill knows what was done, and what was in somebody's hands.
 */
import { isErrorCode, type ErrorCode } from '../../protocol/errors.js';
import { all, first, run, type Row } from '../sqlite/statements.js';
import type { Database } from '../sqlite/database.js';
import { written } from './batch-database.js';
import { defined } from '../../protocol/defined.js';

export type FileState = 'waiting' | 'working' | 'done' | 'failed' | 'skipped';

/** Why nothing is to be done: its text is up to date, or in its place is a text that was edited, or one of another program. */
const SKIP_REASONS = ['done', 'edited', 'foreign'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What a folder holds now. */
export interface NewFile {
  readonly path: string;
  readonly target: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Nothing is to be done. */
  readonly skip?: SkipReason;
  /** It can't be looked at. */
  readonly failure?: Failure;
}

export interface BatchFile {
  readonly number: number;
  readonly path: string;
  readonly target: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly state: FileState;
  /** Why it was skipped. */
  readonly skipped?: SkipReason;
  /** Why it failed. */
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
   * Before anything else: what a killed process had in its hands is done if its text lies in its place, and waits otherwise.
   * @param digestOf the SHA-256 of a file, undefined if there is none
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
   * Files join the run; those that it knows stay what they are, unless they have changed since, and then wait again, or have
   * failed if they can't be looked at any more.
   */
  add(files: readonly NewFile[], nowMs = Date.now()): void {
    this.#write(() => {
      // One that is watched may go on for months.
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
        // What stands in a text's place may have changed, and whether it may be replaced.
        if (same && known.state !== 'waiting' && known.state !== 'skipped') continue;
        // Names depend on what else lies in the folder, until there is a text of that name.
        run(
          this.#db,
          `UPDATE file SET target = ?, bytes = ?, modified_ms = ?, state = ?, skipped = ?, digest = NULL,
             code = NULL, message = NULL, hint = NULL, audio_seconds = NULL, work_seconds = NULL WHERE number = ?`,
          ...[target, bytes, modifiedMs, stateFor(file), file.skip ?? null, Number(known.number)],
        );
      }
    });
  }

  /** What is done stays done. Seen again, the other one is new: nothing of its size is known. */
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

  /** The next file that waits is in the caller's hands from now on. */
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

  /** A text of this SHA-256 is about to be put in the file's place. */
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

  /** Its text was not placed: another file is in its place. */
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

  /** Nothing came of it, and nothing is wrong with it: it waits again. */
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

  /** All files, in the order in which they came. */
  files(state?: FileState): BatchFile[] {
    return all(
      this.#db,
      `SELECT ${COLUMNS} FROM file WHERE run = ? AND (? IS NULL OR state = ?) ORDER BY number`,
      this.#run,
      state ?? null,
      state ?? null,
    ).map(fileOf);
  }

  /** Whoever asks for the same again begins anew. */
  end(nowMs = Date.now()): void {
    this.#write(() => run(this.#db, 'UPDATE run SET ended_ms = ? WHERE number = ?', nowMs, this.#run));
  }

  #write<T>(work: () => T): T {
    return written(this.#db, this.#dbPath, work);
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
