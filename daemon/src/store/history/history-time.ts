/** The time by which the history deletes (see sqlite/settled-time.ts). */
import type { Database } from '../sqlite/database.js';
import { first, run } from '../sqlite/statements.js';
import { trustedTime as trustedTimeOf } from '../sqlite/trusted-time.js';

/** Called inside of a transaction. @returns ms since 1970, never later than the clock */
export function trustedTime(db: Database, nowMs: number): number {
  // What was deleted by a clock that was ahead goes a day after it was corrected.
  run(db, 'UPDATE trash SET deleted_ms = ? WHERE deleted_ms > ?', nowMs, nowMs);
  return trustedTimeOf(db, nowMs, (beforeMs) => {
    const row = first(db, 'SELECT max(changed_ms) AS newest FROM dictation WHERE changed_ms < ?', beforeMs);
    return typeof row?.newest === 'number' ? row.newest : undefined;
  });
}
