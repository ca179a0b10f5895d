/** A file that is read as a whole: settings, a config, a list of words. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SottoError } from './protocol/errors.js';
import { fileError, refuseSpecial, type FileUse } from './protocol/file-problem.js';

/**
 * The text of an ordinary file. A folder, pipe, socket or device is refused: a read of it could wait or never end.
 * @param maxBytes a larger file is refused before it is read
 * @throws SottoError with the codes of `use`
 */
export function readSmallFile(path: string, maxBytes: number, use: FileUse): string {
  return readSmallBytes(path, maxBytes, use).toString('utf8');
}

/** The bytes of an ordinary file, as `readSmallFile`. */
export function readSmallBytes(path: string, maxBytes: number, use: FileUse): Buffer {
  let fd: number | undefined;
  try {
    // O_NONBLOCK: the open of a pipe must not wait for a writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    refuseSpecial(path, stats, use);
    if (stats.size > maxBytes) throw tooLarge(path, maxBytes, use);
    return readAll(fd, path, stats.size, maxBytes, use);
  } catch (error) {
    throw fileError(path, error, use);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The size is a hint: files of the kernel claim 0 bytes, and a file may grow while it is read. */
function readAll(fd: number, path: string, size: number, maxBytes: number, use: FileUse): Buffer {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.alloc(Math.min(Math.max(size - total, 4096), maxBytes + 1));
    const got = readSync(fd, piece, 0, piece.length, null);
    if (got === 0) return Buffer.concat(pieces);
    total += got;
    if (total > maxBytes) throw tooLarge(path, maxBytes, use);
    pieces.push(piece.subarray(0, got));
  }
}

function tooLarge(path: string, maxBytes: number, use: FileUse): SottoError {
  const most = maxBytes >= 2 ** 20 ? `${maxBytes / 2 ** 20} MiB` : `${maxBytes / 1024} KiB`;
  return new SottoError(use.code, `${path} can't be read: it is larger than ${most}`, {
    hint: 'check that it is the right file',
  });
}
