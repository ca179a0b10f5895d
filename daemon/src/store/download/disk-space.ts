/** Checks the free disk space before a download. */
import { statfs } from 'node:fs/promises';
import { SottoError } from '../../protocol/errors.js';
import { formatBytes } from './format-bytes.js';

/** A completely full disk would affect other programs, too. */
const RESERVE_BYTES = 256 * 1024 * 1024;

export type FreeBytes = (folder: string) => Promise<number>;

/** Bytes that this user may still write. */
export const freeBytesOf: FreeBytes = async (folder) => {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
};

/** @throws SottoError INSUFFICIENT_DISK */
export async function checkFreeSpace(
  folder: string,
  missingBytes: number,
  freeBytes: FreeBytes,
): Promise<void> {
  const free = await freeBytes(folder).catch(() => Infinity);
  if (missingBytes === 0 || missingBytes + RESERVE_BYTES <= free) return;
  throw new SottoError(
    'INSUFFICIENT_DISK',
    `not enough disk space: ${formatBytes(missingBytes)} needed, ${formatBytes(free)} free (${formatBytes(RESERVE_BYTES)} stay free)`,
  );
}
