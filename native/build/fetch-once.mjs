// What the build fetches lies in a folder whose name carries a hash.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder below `vendor` once. It appears by a rename: it is complete or it is not there.
 * @param fill gets an empty folder beside it, and returns the folder in there that becomes it
 * @returns its path
 */
export async function fetchOnce(vendor, name, fill) {
  const dir = path.join(vendor, name);
  if (existsSync(dir)) return dir;
  await mkdir(vendor, { recursive: true });
  const scratch = await mkdtemp(path.join(vendor, '.fetch-'));
  try {
    await rename(await fill(scratch), dir).catch((error) => {
      if (!existsSync(dir)) throw error; // another setup was quicker: its copy is as good
    });
    return dir;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
