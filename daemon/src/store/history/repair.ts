/** A damaged history: put aside, and as much of it as can be read taken over into a new one. */
import { statSync } from 'node:fs';
import { SottoError } from '../../protocol/errors.js';
import { moveAside } from '../sqlite/damaged.js';
import { DatabaseSync, isDamage, makeFile, type Database } from '../sqlite/database.js';
import type { Row } from '../sqlite/statements.js';
import { transaction } from '../sqlite/transaction.js';
import { openDatabase } from './history-database.js';
import { COLUMNS, fromRow, ID_PATTERN } from './dictation.js';
import { upsert } from './dictation-rows.js';

export interface OpenDatabase {
  readonly db: Database;
  /** Which file it is: another process may put a new one in its place. */
  readonly inode: number;
}

interface OpenOptions {
  readonly path: string;
  readonly nowMs: number;
  /** See `openDatabase`. */
  readonly busyMs: number;
  readonly onWarning: (warning: SottoError) => void;
}

/**
 * Opens the history. If it is damaged, this does not end in an error: a new one takes its place and `onWarning` is told.
 *
 * @param damaged the file that turned out to be so while it was open
 */
export function openOrReplace(
  { path, nowMs, busyMs, onWarning }: OpenOptions,
  damaged?: { readonly inode: number; readonly cause: unknown },
): OpenDatabase {
  makeFile(path);
  const { ino } = statSync(path);
  // Another process that found the damage first has put a good one here.
  let cause = damaged?.inode === ino ? damaged.cause : undefined;
  if (cause === undefined) {
    try {
      return { db: openDatabase(path, busyMs), inode: ino };
    } catch (error) {
      if (!isDamage(error)) throw error;
      cause = error;
    }
  }
  const aside = moveAside(path, nowMs);
  makeFile(path);
  const db = openDatabase(path, busyMs);
  const saved = salvage(aside, db, nowMs);
  onWarning(
    new SottoError('OUTPUT_FAILED', `${path} was damaged; ${saved} of its dictations could be read`, {
      cause,
      hint: `a new one has taken its place, and what was there is kept as ${aside}`,
    }),
  );
  return { db, inode: statSync(path).ino };
}

/** Takes over what can be read: from both ends, since damage is often in one place. @returns how many they are */
function salvage(from: string, to: Database, nowMs: number): number {
  const saved = new Set<string>();
  let old: Database | undefined;
  try {
    old = new DatabaseSync(from);
    for (const order of ['ASC', 'DESC']) {
      for (const row of readable(old, order)) {
        const dictation = fromRow(row);
        if (!ID_PATTERN.test(dictation.id) || saved.has(dictation.id)) continue;
        transaction(to, () => upsert(to, dictation, nowMs));
        saved.add(dictation.id);
      }
    }
  } catch {
    // Not even its tables can be read.
  } finally {
    if (old?.isOpen === true) old.close();
  }
  return saved.size;
}

function* readable(db: Database, order: string): Generator<Row> {
  try {
    const statement = db.prepare(`SELECT ${COLUMNS}, words FROM dictation ORDER BY number ${order}`);
    const rows: Iterable<Row> = statement.iterate();
    yield* rows;
  } catch {
    // As far as it goes.
  }
}
