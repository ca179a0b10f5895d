/** Several writes as one. */
import type { Database } from './database.js';

/** All of `work` or nothing of it. Takes the right to write at once, so that it never has to give up halfway. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // SQLite has ended it by itself after some failures.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
