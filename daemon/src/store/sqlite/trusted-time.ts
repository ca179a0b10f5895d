/**
 * The time that decides what is deleted. A wrong clock (an empty battery, a machine without network) must not
 * delete anything, so a jump forward counts only after the clock has run for a day from there; until then the time
 * before the jump is used. A machine that was off for weeks only deletes a day later.
 */
import type { Database } from './database.js';
import { first, run } from './statements.js';

const DAY_MS = 24 * 3600 * 1000;
/** A daemon reads the clock every few hours: more than this between two readings is a jump. */
const MAX_STEP_MS = 2 * DAY_MS;
const CONFIRM_MS = DAY_MS;
/** Without an earlier reading, the time is that of the newest row that is older than this. */
const RECENT_MS = 3600 * 1000;

/** For databases that keep the readings: `settled_ms` and, during an unconfirmed jump, `step_ms`. */
export const CLOCK_TABLE =
  'CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), settled_ms INTEGER NOT NULL, step_ms INTEGER) STRICT;';

/**
 * Called inside a transaction.
 * @param newestMs for the first reading: the newest time in the database before a given one; undefined if there is
 *   none
 * @returns ms since 1970, never later than the clock
 */
export function trustedTime(
  db: Database,
  nowMs: number,
  newestMs: (beforeMs: number) => number | undefined,
): number {
  const row = first(db, 'SELECT settled_ms, step_ms FROM clock');
  const trustedMs = row === undefined ? (newestMs(nowMs - RECENT_MS) ?? nowMs) : Number(row.settled_ms);
  if (nowMs <= trustedMs + MAX_STEP_MS) {
    // Avoids a disk write for each dictation.
    const isNews = row === undefined || row.step_ms !== null || Math.abs(nowMs - trustedMs) > RECENT_MS;
    return isNews ? trust(db, nowMs) : nowMs;
  }
  const stepMs = typeof row?.step_ms === 'number' ? row.step_ms : undefined;
  if (stepMs === undefined || nowMs < stepMs) {
    write(db, trustedMs, nowMs);
    return trustedMs;
  }
  return nowMs - stepMs < CONFIRM_MS ? trustedMs : trust(db, nowMs);
}

function trust(db: Database, nowMs: number): number {
  write(db, nowMs, null);
  return nowMs;
}

function write(db: Database, trustedMs: number, stepMs: number | null): void {
  run(db, 'INSERT OR REPLACE INTO clock (id, settled_ms, step_ms) VALUES (1, ?, ?)', trustedMs, stepMs);
}
