/** Reads a whole file: settings, a config, a word list. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { SottoError } from './protocol/errors.js';
import { fileError, refuseSpecial, type FileKind, type FileUse } from './protocol/file-errors.js';

export interface ReadCalls {
  readonly open: (path: string, flags: number) => number;
  readonly fstat: (fd: number) => FileKind & { readonly size: number };
  readonly read: (fd: number, into: Buffer) => number;
}

const SYSTEM: ReadCalls = {
  open: (path, flags) => openSync(path, flags),
  fstat: (fd) => fstatSync(fd),
  read: (fd, into) => readSync(fd, into, 0, into.length, null),
};

/**
 * The text of a regular file. A folder, pipe, socket or device is refused, because a read of it could block or
 * never end.
 * @param maxBytes a larger file is refused before it is read
 * @throws SottoError with the codes of `use`
 */
export function readSmallFile(path: string, maxBytes: number, use: FileUse): string {
  return readSmallBytes(path, maxBytes, use).toString('utf8');
}

/** The bytes of a regular file, as `readSmallFile`. */
export function readSmallBytes(path: string, maxBytes: number, use: FileUse, calls = SYSTEM): Buffer {
  let fd: number | undefined;
  try {
    // With O_NONBLOCK, opening a pipe doesn't wait for a writer.
    const opened = calls.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    fd = opened;
    const stats = calls.fstat(opened);
    refuseSpecial(path, stats, use);
    if (stats.size > maxBytes) throw tooLarge(path, maxBytes, use);
    const bytes = readUpTo((into) => calls.read(opened, into), stats.size, maxBytes);
    if (bytes.length > maxBytes) throw tooLarge(path, maxBytes, use);
    return bytes;
  } catch (error) {
    throw fileError(path, error, use);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * Returns more than `maxBytes` if the file has more. The size is only a hint: kernel files report 0 bytes, and a
 * file may grow while it is read.
 */
function readUpTo(read: (into: Buffer) => number, size: number, maxBytes: number): Buffer {
  const pieces: Buffer[] = [];
  let total = 0;
  for (;;) {
    const piece = Buffer.alloc(Math.min(Math.max(size - total, 4096), maxBytes + 1));
    const got = read(piece);
    total += got;
    pieces.push(piece.subarray(0, got));
    if (got === 0 || total > maxBytes) return Buffer.concat(pieces);
  }
}

function tooLarge(path: string, maxBytes: number, use: FileUse): SottoError {
  const limit = maxBytes >= 2 ** 20 ? `${maxBytes / 2 ** 20} MiB` : `${maxBytes / 1024} KiB`;
  return new SottoError(use.code, `${path} can't be read: it is larger than ${limit}`, {
    hint: 'check that it is the right file',
  });
}
