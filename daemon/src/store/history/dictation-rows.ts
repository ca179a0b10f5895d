/** Reading and writing the tables. What writes is called inside of a transaction. */
import type { Database } from '../sqlite/database.js';
import { all, first, run, type Row } from '../sqlite/statements.js';
import { transaction } from '../sqlite/transaction.js';
import { COLUMNS, fromRow, toRow, type Dictation } from './dictation.js';
import { tokenize } from './tokenize.js';
import { INDEX } from './schema.js';

/** Writes a dictation, in place of one with its id. */
export function upsert(db: Database, dictation: Dictation, nowMs: number): void {
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

/** Makes the text of a row searchable. */
export function index(db: Database, number: number, text: string): void {
  const tokens = tokenize(text).map(({ token }) => token);
  run(db, 'INSERT OR REPLACE INTO found (rowid, tokens) VALUES (?, ?)', number, tokens.join(' '));
}

/** Makes the index anew from the texts, if it is all that is damaged. @returns whether that was possible */
export function reindex(db: Database): boolean {
  try {
    for (const table of ['dictation', 'trash']) {
      const verdict = first(db, `PRAGMA quick_check('${table}')`);
      if (verdict?.quick_check !== 'ok') return false;
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

/** Removes rows, all of them when no ids are given. @returns what they held */
export function removeRows(db: Database, ids?: readonly string[]): Dictation[] {
  const columns = `${COLUMNS}, words`;
  if (ids === undefined) return all(db, `DELETE FROM dictation RETURNING ${columns}`).map(fromRow);
  return ids.flatMap((id) =>
    all(db, `DELETE FROM dictation WHERE id = ? RETURNING ${columns}`, id).map(fromRow),
  );
}

export function restore(db: Database, dictation: Dictation, nowMs: number): void {
  run(db, 'DELETE FROM trash WHERE id = ?', dictation.id);
  upsert(db, dictation, nowMs);
  // Else it would be pruned again at once.
  run(db, 'UPDATE dictation SET restored_ms = ? WHERE id = ?', nowMs, dictation.id);
}

/** Moves what was taken out to the trash. @param deletion what is brought back together; 0 for what was kept too long */
export function moveToTrash(
  db: Database,
  dictations: readonly Dictation[],
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

/** Removes for good what was deleted before. @returns what it held */
export function emptyTrash(db: Database, beforeMs: number): Dictation[] {
  return all(db, 'DELETE FROM trash WHERE deleted_ms < ? RETURNING dictation', beforeMs).flatMap(trashed);
}

/** The dictation in a row of the trash. */
export function trashed(row: Row): Dictation[] {
  try {
    const held: unknown = JSON.parse(String(row.dictation));
    return typeof held === 'object' && held !== null ? [fromRow({ ...held })] : [];
  } catch {
    return [];
  }
}
