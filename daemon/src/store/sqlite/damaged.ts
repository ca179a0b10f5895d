/** Files of a database that are damaged: kept beside the new one, under a name of their own. */
import { existsSync, renameSync } from 'node:fs';

/** What the name of a damaged file goes on with; its time follows. */
const DAMAGED = '.damaged-';

/** Renames the file and SQLite's files beside it. @returns the new path */
export function moveAside(path: string, nowMs: number): string {
  const aside = `${path}${DAMAGED}${new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(path, aside);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/** Whether a name is one that `moveAside` gave to a damaged file, or to one of SQLite's files beside it. */
export function isDamagedFile(database: string, name: string): boolean {
  const rest = name.startsWith(database + DAMAGED) ? name.slice(database.length + DAMAGED.length) : '';
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z(-wal|-shm)?$/.test(rest);
}
