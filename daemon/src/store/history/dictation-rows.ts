/** Reads and writes the tables. Functions that write are called inside a transaction. */
import type { Database } from '../sqlite/database.js';
import { all, first, run, type Row, transaction } from '../sqlite/statements.js';
import { COLUMNS, fromRow, toRow, type StoredDictation } from './stored-dictation.js';
import { tokenize } from './tokenize.js';
import { INDEX } from './schema.js';

/** Inserts a dictation, or replaces the one with its id. */
export function upsert(db: Database, dictation: StoredDictation, nowMs: number): void {
  const row = first(
    db,
    `INSERT INTO dictation (${COLUMNS}, words, changed_ms)
       VALUES (:id, :started_ms, :duration_seconds, :text, :language, :model, :state, :error_code, :audio, :words, :now)
       ON CONFLICT (id) DO UPDATE SET
         started_ms = excluded.started_ms, duration_seconds = excluded.duration_seconds, text = excluded.text,
         language = excluded.language, model = excluded.model, state = excluded.state,
         error_code = excluded.error_code, audio = excluded.audio, words = excluded.words,
         changed_ms = excluded.changed_ms
       RETURNING number`,
    { ...toRow(dictation), now: nowMs },
  );
  index(db, Number(row?.number), dictation.text);
}

/** Adds the text of a row to the search index. */
export function index(db: Database, number: number, text: string): void {
  const tokens = tokenize(text).map(({ token }) => token);
  run(db, 'INSERT OR REPLACE INTO found (rowid, tokens) VALUES (?, ?)', number, tokens.join(' '));
}

/** Rebuilds the search index from the texts if nothing else is damaged. @returns whether that succeeded */
export function reindex(db: Database): boolean {
  try {
    for (const table of ['dictation', 'trash']) {
      const result = first(db, `PRAGMA quick_check('${table}')`);
      if (result?.quick_check !== 'ok') return false;
    }
    transaction(db, () => {
      db.exec(`DROP TABLE found; ${INDEX}`);
      for (const row of all(db, 'SELECT number, text FROM dictation'))
        index(db, Number(row.number), String(row.text));
    });
    return true;
  } catch {
    return false;
  }
}

/** Removes rows, or all rows if no ids are given. @returns the removed dictations */
export function removeRows(db: Database, ids?: readonly string[]): StoredDictation[] {
  const columns = `${COLUMNS}, words`;
  if (ids === undefined) return all(db, `DELETE FROM dictation RETURNING ${columns}`).map(fromRow);
  return ids.flatMap((id) =>
    all(db, `DELETE FROM dictation WHERE id = ? RETURNING ${columns}`, id).map(fromRow),
  );
}

export function restore(db: Database, dictation: StoredDictation, nowMs: number): void {
  run(db, 'DELETE FROM trash WHERE id = ?', dictation.id);
  upsert(db, dictation, nowMs);
  // Otherwise it would be pruned again at once.
  run(db, 'UPDATE dictation SET restored_ms = ? WHERE id = ?', nowMs, dictation.id);
}

/**
 * Moves removed dictations to the trash. @param deletion number that groups what is restored together; 0 for
 * expired ones
 */
export function moveToTrash(
  db: Database,
  dictations: readonly StoredDictation[],
  deletion: number,
  nowMs: number,
): void {
  for (const dictation of dictations) {
    run(
      db,
      'INSERT OR REPLACE INTO trash (id, deleted_ms, deletion, dictation) VALUES (?, ?, ?, ?)',
      dictation.id,
      nowMs,
      deletion,
      JSON.stringify(toRow(dictation)),
    );
  }
}

/** Permanently deletes old entries of the trash. @returns the deleted dictations */
export function emptyTrash(db: Database, beforeMs: number): StoredDictation[] {
  return all(db, 'DELETE FROM trash WHERE deleted_ms < ? RETURNING dictation', beforeMs).flatMap(trashed);
}

/** The dictation of a row of the trash; none if it can't be parsed. */
export function trashed(row: Row): StoredDictation[] {
  try {
    const held: unknown = JSON.parse(String(row.dictation));
    return typeof held === 'object' && held !== null ? [fromRow({ ...held })] : [];
  } catch {
    return [];
  }
}
