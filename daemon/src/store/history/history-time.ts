/** The time that decides what the history deletes (see sqlite/trusted-time.ts). */
import type { Database } from '../sqlite/database.js';
import { first, run } from '../sqlite/statements.js';
import { trustedTime as trustedTimeOf } from '../sqlite/trusted-time.js';

/** Called inside a transaction. @returns ms since 1970, never later than the clock */
export function trustedTime(db: Database, nowMs: number): number {
  // Entries dated by a clock that was ahead are deleted a day after its correction.
  run(db, 'UPDATE trash SET deleted_ms = ? WHERE deleted_ms > ?', nowMs, nowMs);
  return trustedTimeOf(db, nowMs, (beforeMs) => {
    const row = first(db, 'SELECT max(changed_ms) AS newest FROM dictation WHERE changed_ms < ?', beforeMs);
    return typeof row?.newest === 'number' ? row.newest : undefined;
  });
}
