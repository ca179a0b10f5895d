/**
 * Stores, lists, searches and deletes past dictations. The daemon and the commands have the file open at the same
 * time.
 */
import { statSync } from 'node:fs';
import type { Retention } from '../../settings.js';
import { SottoError } from '../../protocol/errors.js';
import { isDamage, type Database } from '../sqlite/database.js';
import { all, first, run, transaction } from '../sqlite/statements.js';
import { historyError, trustedTime } from './history-database.js';
import {
  COLUMNS,
  fromRow,
  ID_PATTERN,
  storable,
  type StoredDictation,
  type DictationState,
} from './stored-dictation.js';
import { parseQuery, toFts } from './query.js';
import { openOrReplace, type OpenDatabase } from './repair.js';
import { MAX_BUSY_MS } from './retry-busy.js';
import { selectExpired, toCandidate } from './select-expired.js';
import {
  emptyTrash,
  index,
  upsert,
  moveToTrash,
  reindex,
  restore,
  removeRows,
  trashed,
} from './dictation-rows.js';
import { snippetOf, type Snippet } from './snippet.js';
import { defined } from '../../protocol/defined.js';

export interface HistoryOptions {
  /** Called with problems that were fixed, such as a damaged file. The message holds no dictated text. */
  readonly onWarning?: (warning: SottoError) => void;
  /** The clock, in ms since 1970. */
  readonly now?: () => number;
  /** How long a call may block while another process writes, in ms; default 5 s. See retry-busy.ts. */
  readonly busyMs?: number;
}

export interface ListOptions {
  readonly limit: number;
  /** Only dictations that started earlier, in ms since 1970: the `startedMs` of the previous page's last one. */
  readonly before?: number;
  /** The id of that one, because others may have started in the same millisecond. */
  readonly beforeId?: string;
  readonly state?: DictationState;
}

export interface SearchOptions extends ListOptions {
  /** Approximate length of a snippet in UTF-16 units; default 120. */
  readonly snippetLength?: number;
}

interface ReplacedRecording {
  /** File names. */
  readonly from: string;
  readonly to: string;
  /** Size of the new one. */
  readonly bytes: number;
}

export type SearchResult = StoredDictation & Snippet;

/** How long a deletion can be undone. */
const TRASH_MS = 24 * 3600 * 1000;
/** The deletion number of all pruned dictations: what the user deleted is restored first. */
const PRUNED = 0;

/** Every call may throw a SottoError OUTPUT_FAILED: the file can't be read or written. */
export class History {
  readonly path: string;
  readonly #onWarning: (warning: SottoError) => void;
  readonly #now: () => number;
  readonly #busyMs: number;
  #open: OpenDatabase;
  #isClosed = false;
  /** Deleted data is still in the WAL file. */
  #isTruncateDue = false;

  private constructor(path: string, { onWarning, now, busyMs }: HistoryOptions) {
    this.path = path;
    this.#busyMs = busyMs ?? MAX_BUSY_MS;
    this.#onWarning = onWarning ?? (() => undefined);
    this.#now = now ?? Date.now;
    this.#open = this.#openFile();
  }

  /**
   * Opens or creates the file, readable by its user only. A damaged file is moved aside as `*.damaged-<time>`, its
   * readable dictations are copied, and a warning reports that.
   *
   * @throws SottoError OUTPUT_FAILED, VERSION_MISMATCH (written by a newer Sotto)
   */
  static open(path: string, options: HistoryOptions = {}): History {
    return new History(path, options);
  }

  /** Adds a dictation, or replaces the one with its id. A final one isn't replaced by its own recovery. */
  add(dictation: StoredDictation): void {
    check(dictation);
    this.#write((db) => {
      const there = first(db, 'SELECT state FROM dictation WHERE id = ?', dictation.id);
      if (there?.state === 'final' && dictation.state !== 'final') return;
      run(db, 'DELETE FROM trash WHERE id = ?', dictation.id);
      upsert(db, dictation, this.#now());
    });
  }

  /** The dictation with this id, or the only one whose id starts with it. */
  get(id: string): StoredDictation | undefined {
    const ids = this.idsStartingWith(id, 2);
    const only = ids.length === 1 || ids[0] === id ? ids[0] : undefined;
    if (only === undefined) return undefined;
    return this.#read((db) => {
      const row = first(db, `SELECT ${COLUMNS}, words FROM dictation WHERE id = ?`, only);
      return row === undefined ? undefined : fromRow(row);
    });
  }

  /** At most `limit` ids that start with a string, an exact match first. */
  idsStartingWith(start: string, limit: number): string[] {
    if (!ID_PATTERN.test(start)) return [];
    return this.#read((db) =>
      all(
        db,
        'SELECT id FROM dictation WHERE id >= ? AND id < ? ORDER BY id LIMIT ?',
        start,
        // All such ids are below this, because `~` sorts after the characters of an id.
        `${start}~`,
        limit,
      ).map((row) => String(row.id)),
    );
  }

  count(state?: DictationState): number {
    return this.#read((db) => {
      const where = state === undefined ? '' : 'WHERE state = ?';
      const row = first(
        db,
        `SELECT count(*) AS n FROM dictation ${where}`,
        ...(state === undefined ? [] : [state]),
      );
      return Number(row?.n ?? 0);
    });
  }

  /** The newest first, without words. */
  list(options: ListOptions): StoredDictation[] {
    const { conditions, values } = pageOf(options);
    return this.#read((db) =>
      all(
        db,
        `SELECT ${COLUMNS} FROM dictation ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
           ORDER BY started_ms DESC, number DESC LIMIT :limit`,
        values,
      ).map(fromRow),
    );
  }

  /**
   * Dictations that contain all the words, the newest first. Ignores case, accents and punctuation; the last word
   * may be a prefix.
   */
  search(query: string, { snippetLength = 120, ...options }: SearchOptions): SearchResult[] {
    const terms = parseQuery(query);
    if (terms.length === 0) return [];
    const { conditions, values } = pageOf(options);
    return this.#read((db) =>
      all(
        db,
        `SELECT ${COLUMNS} FROM found JOIN dictation ON number = found.rowid
           WHERE ${['found MATCH :terms', ...conditions].join(' AND ')}
           ORDER BY started_ms DESC, number DESC LIMIT :limit`,
        { terms: toFts(terms), ...values },
      ).map((row) => {
        const dictation = fromRow(row);
        return { ...dictation, ...snippetOf(dictation.text, terms, snippetLength) };
      }),
    );
  }

  /** Replaces the text after another transcription. The dictation is final then, and has no word times. */
  setText(id: string, text: string, model: string, language: string | undefined): void {
    this.#write((db) => {
      const row = first(
        db,
        `UPDATE dictation SET text = ?, model = ?, language = ?, words = NULL, state = 'final', error_code = NULL,
             changed_ms = ?
           WHERE id = ? RETURNING number`,
        storable(text),
        model,
        language ?? null,
        this.#now(),
        id,
      );
      if (row !== undefined) index(db, Number(row.number), text);
    });
  }

  /** Records that the user has seen it. A recovered or left dictation becomes final; a failed one may expire. */
  markRead(id: string): void {
    this.#write((db) => {
      run(
        db,
        `UPDATE dictation SET changed_ms = CASE WHEN state IN ('recovered', 'left') THEN :now ELSE changed_ms END,
             state = CASE WHEN state IN ('recovered', 'left') THEN 'final' ELSE state END, seen_ms = :now
           WHERE id = :id AND (state IN ('recovered', 'left') OR (state = 'failed' AND seen_ms IS NULL))`,
        { now: this.#now(), id },
      );
    });
  }

  /** Moves a dictation to the trash. Its audio stays until the trash is emptied. */
  delete(id: string): StoredDictation | undefined {
    return this.deleteAll([id])[0];
  }

  /** Moves several to the trash, or all if no ids are given; `undo` restores them together. */
  deleteAll(ids?: readonly string[]): StoredDictation[] {
    return this.#write((db) => {
      const removed = removeRows(db, ids);
      const deletion = Number(first(db, 'SELECT max(deletion) AS n FROM trash')?.n ?? 0) + 1;
      moveToTrash(db, removed, deletion, this.#now());
      return removed;
    });
  }

  /** Permanently deletes them, or everything including the trash if no ids are given. The caller deletes the audio. */
  destroy(ids?: readonly string[]): StoredDictation[] {
    const removed = this.#write((db) => {
      const kept = removeRows(db, ids);
      return ids === undefined ? [...kept, ...emptyTrash(db, Number.MAX_SAFE_INTEGER)] : kept;
    });
    if (removed.length > 0) this.#forget();
    return removed;
  }

  /** Restores the user's last deletion, or else pruned dictations; or the given ids from the whole trash. */
  undo(ids?: readonly string[]): StoredDictation[] {
    return this.#write((db) => {
      const rows =
        ids === undefined
          ? all(db, 'SELECT dictation FROM trash WHERE deletion = (SELECT max(deletion) FROM trash)')
          : ids.flatMap((id) => all(db, 'SELECT dictation FROM trash WHERE id = ?', id));
      const restored = rows.flatMap(trashed);
      for (const dictation of restored) restore(db, dictation, this.#now());
      return restored;
    });
  }

  restore(dictation: StoredDictation): void {
    check(dictation);
    this.#write((db) => restore(db, dictation, this.#now()));
  }

  /** The time for `prune`: the clock's, unless it made an unconfirmed jump (trusted-time.ts). */
  trustedTime(nowMs: number): number {
    return this.#write((db) => trustedTime(db, nowMs));
  }

  /**
   * Moves expired dictations to the trash, removes expired audio, and empties the trash of entries older than a
   * day. With `keepDays: 0`, delivered texts are deleted at once.
   *
   * @param nowMs a trusted time
   * @returns dictations whose audio the caller must delete
   */
  prune(retention: Retention, nowMs: number): StoredDictation[] {
    const removed = this.#write((db) => {
      const rows = all(
        db,
        `SELECT id, started_ms, duration_seconds, '' AS text, model, state, audio, changed_ms, seen_ms, restored_ms,
             recording.bytes AS audio_bytes
           FROM dictation LEFT JOIN recording ON recording.name = audio ORDER BY number DESC`,
      ).map(toCandidate);
      const { whole, audio } = selectExpired(rows, retention, nowMs);
      const expired = removeRows(
        db,
        whole.map(({ id }) => id),
      );
      for (const { id } of audio) run(db, 'UPDATE dictation SET audio = NULL WHERE id = ?', id);
      const keepsNone = retention.keepDays === 0;
      if (!keepsNone) moveToTrash(db, expired, PRUNED, this.#now());
      return [...(keepsNone ? expired : []), ...audio, ...emptyTrash(db, nowMs - TRASH_MS)];
    });
    if (removed.length > 0 || this.#isTruncateDue) this.#forget();
    return removed;
  }

  /** Records the name of a recording before it is written: only such files are ever removed. */
  noteRecording(name: string): void {
    this.#write((db) => run(db, 'INSERT OR IGNORE INTO recording (name) VALUES (?)', name));
  }

  /** Delivered dictations whose recording is a WAV, and whose text is older than that time; the oldest first. */
  withWavBefore(beforeMs: number): { readonly id: string; readonly audio: string }[] {
    return this.#read((db) =>
      all(
        db,
        `SELECT id, audio FROM dictation WHERE state = 'final' AND audio LIKE '%.wav' AND changed_ms < ?
           ORDER BY started_ms, number`,
        beforeMs,
      ).map((row) => ({ id: String(row.id), audio: String(row.audio) })),
    );
  }

  /**
   * A recording of that many bytes takes the place of another one.
   * @returns false if the dictation no longer has that one: nothing was changed
   */
  replaceRecording(id: string, { from, to, bytes }: ReplacedRecording): boolean {
    return this.#write((db) => {
      const row = first(
        db,
        'UPDATE dictation SET audio = ? WHERE id = ? AND audio = ? RETURNING number',
        ...[to, id, from],
      );
      if (row !== undefined) run(db, 'UPDATE recording SET bytes = ? WHERE name = ?', bytes, to);
      return row !== undefined;
    });
  }

  /** Names of all recordings that were written and may still exist. */
  recordingNames(): Set<string> {
    return this.#read((db) => new Set(all(db, 'SELECT name FROM recording').map((row) => String(row.name))));
  }

  forgetRecordings(names: readonly string[]): void {
    this.#write((db) => {
      for (const name of names) run(db, 'DELETE FROM recording WHERE name = ?', name);
    });
  }

  /** How many dictations `undo` could restore. */
  deletedCount(): number {
    return this.#read((db) => Number(first(db, 'SELECT count(*) AS n FROM trash')?.n ?? 0));
  }

  /** Names of all recordings that a dictation, in the trash or not, refers to. */
  audioNames(): Set<string> {
    return this.#read((db) => {
      const kept = all(db, 'SELECT audio FROM dictation WHERE audio IS NOT NULL').map((row) =>
        String(row.audio),
      );
      const trash = all(db, 'SELECT dictation FROM trash')
        .flatMap(trashed)
        .flatMap(({ audio }) => audio ?? []);
      return new Set([...kept, ...trash]);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#open.db.isOpen) this.#open.db.close();
  }

  /**
   * Truncates the WAL file, which still holds recent data, deleted or not. If another process is reading, the next
   * prune tries again.
   */
  #forget(): void {
    const row = this.#read((db) => first(db, 'PRAGMA wal_checkpoint(TRUNCATE)'));
    this.#isTruncateDue = row?.busy !== 0;
  }

  #write<T>(work: (db: Database) => T): T {
    return this.#read((db) => transaction(db, () => work(db)));
  }

  /** Runs `work`, and once more if the file is damaged and could be repaired. */
  #read<T>(work: (db: Database) => T): T {
    this.#reopenIfReplaced();
    try {
      return work(this.#open.db);
    } catch (error) {
      if (!isDamage(error)) throw historyError(error, this.path);
      this.#repair(error);
    }
    try {
      return work(this.#open.db);
    } catch (error) {
      throw historyError(error, this.path);
    }
  }

  /** Reopens the file if another process has replaced it: writes to the old one would be lost. */
  #reopenIfReplaced(): void {
    if (this.#isClosed) return;
    const there = statSync(this.path, { throwIfNoEntry: false });
    // Not open if the last attempt to open the file failed.
    if (there?.ino === this.#open.inode && this.#open.db.isOpen) return;
    this.#closeFile();
    this.#open = this.#openFile();
  }

  #repair(damage: unknown): void {
    if (reindex(this.#open.db)) {
      this.#onWarning(
        new SottoError('OUTPUT_FAILED', `the index of ${this.path} was damaged and has been rebuilt`, {
          cause: damage,
          hint: 'nothing was lost',
        }),
      );
      return;
    }
    this.#closeFile();
    this.#open = this.#openFile({ inode: this.#open.inode, cause: damage });
  }

  #openFile(damaged?: { inode: number; cause: unknown }): OpenDatabase {
    try {
      const options = {
        path: this.path,
        nowMs: this.#now(),
        busyMs: this.#busyMs,
        onWarning: this.#onWarning,
      };
      return openOrReplace(options, damaged);
    } catch (error) {
      throw historyError(error, this.path);
    }
  }
}

/** In page order. If that dictation was deleted meanwhile, only the time counts. */
const BEFORE =
  '(started_ms < :before OR (started_ms = :before AND number < (SELECT number FROM dictation WHERE id = :beforeId)))';

/** The conditions of a page, and the values of their parameters. */
function pageOf({ limit, before, beforeId, state }: ListOptions): {
  conditions: string[];
  values: Record<string, string | number>;
} {
  return {
    conditions: [
      ...(before === undefined ? [] : [beforeId === undefined ? 'started_ms < :before' : BEFORE]),
      ...(state === undefined ? [] : ['state = :state']),
    ],
    values: {
      limit,
      ...defined({ before }),
      ...(before !== undefined && beforeId !== undefined && { beforeId }),
      ...defined({ state }),
    },
  };
}

function check({ id, startedMs, durationSeconds }: StoredDictation): void {
  if (!ID_PATTERN.test(id)) throw new SottoError('INVALID_ARGUMENT', 'invalid dictation id');
  if (!Number.isSafeInteger(startedMs) || !(durationSeconds >= 0 && durationSeconds < Infinity))
    throw new SottoError('INVALID_ARGUMENT', `dictation ${id}: invalid time or duration`);
}
