/** Replaces a damaged history with a new one and copies what can be read. */
import { statSync } from 'node:fs';
import { SottoError } from '../../protocol/errors.js';
import { moveAside } from '../sqlite/damaged.js';
import { DatabaseSync, isDamage, makeFile, type Database } from '../sqlite/database.js';
import { openDatabase } from './history-database.js';
import { COLUMNS, fromRow, ID_PATTERN } from './stored-dictation.js';
import { upsert } from './dictation-rows.js';
import { transaction, type Row } from '../sqlite/statements.js';

export interface OpenDatabase {
  readonly db: Database;
  /** Identifies the file: another process may replace it. */
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
 * Opens the history. A damaged file is replaced and reported to `onWarning` instead of causing an error.
 *
 * @param damaged the file that turned out to be damaged while it was open
 */
export function openOrReplace(
  { path, nowMs, busyMs, onWarning }: OpenOptions,
  damaged?: { readonly inode: number; readonly cause: unknown },
): OpenDatabase {
  makeFile(path);
  const { ino } = statSync(path);
  // Another process has already replaced the file.
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
    new SottoError('OUTPUT_FAILED', `${path} was damaged; ${saved} of its dictations could be recovered`, {
      cause,
      hint: `a new file has replaced it, and the old one is kept as ${aside}`,
    }),
  );
  return { db, inode: statSync(path).ino };
}

/** Copies what can be read, from both ends, because damage is often local. @returns the number of dictations */
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
    // Reads up to the damage.
  }
}
