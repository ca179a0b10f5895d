/** Files that are whole or not there: written beside their place, as `<name>.<random>.new`, and then renamed. */
import { randomUUID } from 'node:crypto';
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { defined } from '../protocol/defined.js';

/** What is younger may be at work: a command makes the token without asking the daemon. */
const MIN_DRAFT_AGE_MS = 60_000;

/** All of it or nothing, and on the disk. @param mode of the file; what is usual, if left out */
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

/** Removes the drafts of this file that a kill has left: they may hold secrets. */
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
    // There is no such folder, or somebody else was quicker: at the next start, then.
  }
}
