/** Keeps damaged database files next to the new one under another name. */
import { existsSync, renameSync } from 'node:fs';

/** Followed by the time. */
const DAMAGED = '.damaged-';

/** Renames the file and SQLite's files next to it. @returns the new path */
export function moveAside(path: string, nowMs: number): string {
  const aside = `${path}${DAMAGED}${new Date(nowMs).toISOString().replaceAll(/[:.]/g, '-')}`;
  renameSync(path, aside);
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}

/** Whether `moveAside` gave this name to a damaged file, or to one of SQLite's files next to it. */
export function isDamagedFile(database: string, name: string): boolean {
  const rest = name.startsWith(database + DAMAGED) ? name.slice(database.length + DAMAGED.length) : '';
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z(-wal|-shm)?$/.test(rest);
}
