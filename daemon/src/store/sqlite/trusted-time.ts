/**
 * The time by which things are deleted. A clock that is wrong (an empty battery, a machine without network) must not delete
 * anything, so a step forward counts only once the clock has confirmed it by running for a day from there; until then things
 * are judged by the time before the step. A machine that was off for weeks deletes a day late, nothing else.
 */
import type { Database } from './database.js';
import { first, run } from './statements.js';

const DAY_MS = 24 * 3600 * 1000;
/** The clock is read every few hours while a daemon runs: more than this between two readings is a step. */
const MAX_STEP_MS = 2 * DAY_MS;
const CONFIRM_MS = DAY_MS;
/** Without a reading, the time is that of the newest row that is older than what is written now. */
const RECENT_MS = 3600 * 1000;

/** Of a database that keeps its readings: `settled_ms` and, while a step is not confirmed, `step_ms`. */
export const CLOCK_TABLE =
  'CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), settled_ms INTEGER NOT NULL, step_ms INTEGER) STRICT;';

/**
 * Called inside of a transaction.
 * @param newestMs the newest time in the database before a given one, for the first reading; undefined where there is none
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
    // Not a write to the disk for each dictation.
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
