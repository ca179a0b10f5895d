/** Runs SQL statements. */
import type { StatementSyncInstance as Statement } from '@photostructure/sqlite';
import type { Database } from './database.js';

export type SqlValue = string | number | bigint | Uint8Array | null;
export type Row = Readonly<Record<string, SqlValue>>;

type Parameter = string | number | null | Readonly<Record<string, string | number | null>>;

/** The first row of the result. */
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

/** Prepared once per database: a statement lives until it is collected, and so does its connection. */
function prepared(db: Database, sql: string): Statement {
  const known = statements.get(db) ?? new Map<string, Statement>();
  statements.set(db, known);
  const statement = known.get(sql) ?? db.prepare(sql);
  known.set(sql, statement);
  return statement;
}

/** Runs `work` in a transaction. Takes the write lock at the start, so that it never has to give up halfway. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // After some failures, SQLite has already rolled back.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
