/** Drafts of files that are written safely: beside the file, under its name and `.<random>.new`, until they take its place. */
import { readdirSync, statSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What is younger may be at work: a command makes the token without asking the daemon. */
const LEFT_MS = 60_000;

/** Removes the drafts of this file that a kill has left: they may hold secrets. */
export function sweepDrafts(path: string): void {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  try {
    for (const name of readdirSync(folder)) {
      if (!name.startsWith(start) || !/^[0-9a-f]{8}\.new$/.test(name.slice(start.length))) continue;
      const draft = join(folder, name);
      if (Date.now() - statSync(draft).mtimeMs > LEFT_MS) unlinkSync(draft);
    }
  } catch {
    // There is no such folder, or somebody else was quicker: at the next start, then.
  }
}
