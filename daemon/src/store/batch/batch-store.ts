/** Remembers runs over folders, so that an interrupted one can be resumed. */
import { first, run } from '../sqlite/statements.js';
import { trustedTime } from '../sqlite/trusted-time.js';
import { BatchRun } from './batch-run.js';
import type { Database } from '../sqlite/database.js';
import { openBatchDatabase, inTransaction } from './batch-database.js';
import { WrittenTexts } from './written-texts.js';

const DAY_MS = 24 * 3600_000;
/** An ended run is kept for inspection only; an unfinished one may be resumed. */
const KEEP_ENDED_MS = 7 * DAY_MS;
const KEEP_UNFINISHED_MS = 90 * DAY_MS;

interface RunRequest {
  /** A hash that two calls for the same work share. */
  readonly identity: string;
  /** Start over, even if an earlier call is unfinished. */
  readonly restart: boolean;
}

interface OpenedRun {
  readonly run: BatchRun;
  /** When the resumed run started; undefined for a new one. */
  readonly since: number | undefined;
}

/**
 * Every call may throw a SottoError OUTPUT_FAILED. One process at a time works on an identity: the caller holds a
 * lock.
 */
export class BatchStore {
  readonly written: WrittenTexts;
  readonly #db: Database;
  readonly #path: string;

  private constructor(db: Database, path: string) {
    this.#db = db;
    this.#path = path;
    this.written = new WrittenTexts(db, path);
  }

  /** @param onDamage called if the file was damaged and has been moved aside */
  static open(path: string, onDamage: () => void = () => undefined): BatchStore {
    return new BatchStore(openBatchDatabase(path, onDamage), path);
  }

  /** The unfinished run of an identity, or a new one. */
  resumeOrStart({ identity, restart }: RunRequest, nowMs = Date.now()): OpenedRun {
    return this.#write(() => {
      const left = first(
        this.#db,
        'SELECT number, started_ms FROM run WHERE identity = ? AND ended_ms IS NULL ORDER BY number DESC LIMIT 1',
        identity,
      );
      if (left !== undefined && !restart) {
        run(this.#db, 'UPDATE run SET touched_ms = ? WHERE number = ?', nowMs, Number(left.number));
        return {
          run: new BatchRun(this.#db, this.#path, Number(left.number)),
          since: Number(left.started_ms),
        };
      }
      // Includes ended runs: otherwise a schedule that runs every few minutes would leave one each time.
      run(this.#db, 'DELETE FROM run WHERE identity = ?', identity);
      const made = first(
        this.#db,
        'INSERT INTO run (identity, started_ms, touched_ms) VALUES (?, ?, ?) RETURNING number',
        identity,
        nowMs,
        nowMs,
      );
      return { run: new BatchRun(this.#db, this.#path, Number(made?.number)), since: undefined };
    });
  }

  /**
   * Deletes runs that ended long ago or were abandoned. A jump of the clock counts once it is confirmed.
   * @param clockMs the system's time
   */
  prune(clockMs = Date.now()): void {
    this.#write(() => {
      // Dated by a clock that was ahead.
      run(this.#db, 'UPDATE run SET touched_ms = ? WHERE touched_ms > ?', clockMs, clockMs);
      run(this.#db, 'UPDATE run SET ended_ms = ? WHERE ended_ms > ?', clockMs, clockMs);
      const nowMs = trustedTime(this.#db, clockMs, (beforeMs) => this.#newestMs(beforeMs));
      run(
        this.#db,
        'DELETE FROM run WHERE ended_ms < ? OR touched_ms < ?',
        nowMs - KEEP_ENDED_MS,
        nowMs - KEEP_UNFINISHED_MS,
      );
    });
    this.written.prune();
  }

  #newestMs(beforeMs: number): number | undefined {
    const row = first(
      this.#db,
      'SELECT max(max(touched_ms, coalesce(ended_ms, 0))) AS newest FROM run WHERE touched_ms < ?',
      beforeMs,
    );
    return typeof row?.newest === 'number' ? row.newest : undefined;
  }

  close(): void {
    this.#db.close();
  }

  #write<T>(work: () => T): T {
    return inTransaction(this.#db, this.#path, work);
  }
}
