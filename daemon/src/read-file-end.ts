/** Reads the end of a log of any length: a file that another program fills must not fill our memory. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/**
 * The last bytes of a regular file as text.
 * @param from the lowest offset to read, in bytes
 * @returns undefined if the file can't be read
 */
export function readFileEnd(path: string, maxBytes: number, from = 0): string | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) return undefined;
      const start = Math.max(from, stats.size - maxBytes);
      const bytes = Buffer.alloc(Math.max(0, stats.size - start));
      return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, start));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
