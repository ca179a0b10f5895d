/** SHA-256 in hexadecimal, to compare texts and requests. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

const PIECE_BYTES = 1 << 16;

export function digestOf(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Reads a regular file in pieces; undefined if it can't be read. */
export function digestOfFile(path: string): string | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!fstatSync(fd).isFile()) return undefined;
      const hash = createHash('sha256');
      const piece = Buffer.alloc(PIECE_BYTES);
      for (let got = readSync(fd, piece); got > 0; got = readSync(fd, piece))
        hash.update(piece.subarray(0, got));
      return hash.digest('hex');
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Of a value as JSON, independent of the order of its fields. */
export function digestOfJson(value: unknown): string {
  const sorted = (_: string, inner: unknown): unknown =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  return digestOf(JSON.stringify(value, sorted));
}
