/** Room for a download, looked at before the first byte. */
import { statfs } from 'node:fs/promises';
import { SottoError } from '../../protocol/errors.js';
import { formatBytes } from './format-bytes.js';

/** A disk that is full to the last byte stops more than this download. */
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
    `the disk has ${formatBytes(free)} left, and ${formatBytes(missingBytes)} are to come (${formatBytes(RESERVE_BYTES)} stay free)`,
  );
}
