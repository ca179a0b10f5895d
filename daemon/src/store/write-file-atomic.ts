/** Writes files atomically: first as `<name>.<random>.new` in the same folder, then renamed. */
import { randomUUID } from 'node:crypto';
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { defined } from '../protocol/defined.js';

/** A younger draft may be in use: a command creates the token without the daemon. */
const MIN_DRAFT_AGE_MS = 60_000;

/** Writes and syncs the whole file. @param mode of the file; the default if left out */
export async function writeFileAtomic(path: string, text: string, mode?: number): Promise<void> {
  const draft = `${path}.${randomUUID().slice(0, 8)}.new`;
  try {
    await writeFile(draft, text, { flag: 'wx', flush: true, ...defined({ mode }) });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Removes drafts of this file that a kill has left: they may hold secrets. */
export function sweepDrafts(path: string): void {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  try {
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(start) || !/^[0-9a-f]{8}\.new$/.test(name.slice(start.length))) continue;
      const draft = join(folder, name);
      if (Date.now() - statSync(draft).mtimeMs > MIN_DRAFT_AGE_MS) unlinkSync(draft);
    }
  } catch {
    // There is no such folder, or another process was faster; the next start tries again.
  }
}
