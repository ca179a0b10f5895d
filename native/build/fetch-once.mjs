// Downloads, each in a directory whose name contains a hash.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * Creates a directory below `vendor` once. A final rename makes it atomic: it is complete or absent.
 * @param fill receives an empty scratch directory and returns the directory in it to keep
 * @returns its path
 */
export async function fetchOnce(vendor, name, fill) {
  const dir = path.join(vendor, name);
  if (existsSync(dir)) return dir;
  await mkdir(vendor, { recursive: true });
  const scratch = await mkdtemp(path.join(vendor, '.fetch-'));
  try {
    await rename(await fill(scratch), dir).catch((error) => {
      if (!existsSync(dir)) throw error; // another setup finished first, and its copy is equal
    });
    return dir;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
