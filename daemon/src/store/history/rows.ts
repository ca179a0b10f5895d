/** Reading and writing the tables. What writes is called inside of a transaction. */
import type { StatementSyncInstance as Statement } from '@photostructure/sqlite';
import type { Database } from './database.js';
import { COLUMNS, fromRow, toRow, type Dictation, type Row } from './dictation.js';
import { tokensOf } from './fold.js';
import { INDEX, transaction } from './schema.js';

export type { Row };

type Parameter = string | number | null | Readonly<Record<string, string | number | null>>;

/** The first row of what a statement gives. */
export function first(db: Database, sql: string, ...parameters: Parameter[]): Row | undefined {
  return prepared(db, sql).get(...parameters) as Row | undefined;
}

export function all(db: Database, sql: string, ...parameters: Parameter[]): Row[] {
  return prepared(db, sql).all(...parameters) as Row[];
}

export function run(db: Database, sql: string, ...parameters: Parameter[]): void {
  prepared(db, sql).run(...parameters);
}

const statements = new WeakMap<Database, Map<string, Statement>>();

/** Once for each database: a statement lives on until it is collected, and so does the connection that it belongs to. */
function prepared(db: Database, sql: string): Statement {
  const known = statements.get(db) ?? new Map<string, Statement>();
  statements.set(db, known);
  const statement = known.get(sql) ?? db.prepare(sql);
  known.set(sql, statement);
  return statement;
}

/** Writes a dictation, in place of one with its id. */
export function put(db: Database, dictation: Dictation, nowMs: number): void {
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
  const tokens = tokensOf(text).map(({ token }) => token);
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
export function takeOut(db: Database, ids?: readonly string[]): Dictation[] {
  const columns = `${COLUMNS}, words`;
  if (ids === undefined) return all(db, `DELETE FROM dictation RETURNING ${columns}`).map(fromRow);
  return ids.flatMap((id) =>
    all(db, `DELETE FROM dictation WHERE id = ? RETURNING ${columns}`, id).map(fromRow),
  );
}

export function restore(db: Database, dictation: Dictation, nowMs: number): void {
  run(db, 'DELETE FROM trash WHERE id = ?', dictation.id);
  put(db, dictation, nowMs);
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
