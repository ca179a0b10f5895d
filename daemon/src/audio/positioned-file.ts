import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { codeOf, SottoError } from '../protocol/errors.js';
import { AUDIO_FILE, fileError, specialKind } from '../protocol/file-errors.js';

/**
 * The longest valid read: the index of an MP4. A damaged header may hold any length, and Node aborts the process for
 * reads above 2³¹ − 1 bytes.
 */
const MAX_READ_BYTES = 64 << 20;

export interface FileSystemCalls {
  readonly stat: (path: string) => Promise<Stats>;
  readonly open: (path: string, flags: number) => Promise<FileHandle>;
}

const NODE_CALLS: FileSystemCalls = { stat, open };

/** Quotes a path for a message, with control characters escaped. */
export function quotePath(path: string): string {
  return JSON.stringify(path);
}

/**
 * A regular file, read by position. Refuses folders and everything that could block or never end (pipe, socket,
 * device) before reading. Checks the open handle again, because the path may have changed since the first check.
 */
export class PositionedFile {
  #closed = false;

  readonly #handle: FileHandle;

  private constructor(
    readonly path: string,
    /** Bytes at the time of opening. */
    readonly size: number,
    handle: FileHandle,
    /** Called after each read. */
    readonly onRead: (() => void) | undefined,
  ) {
    this.#handle = handle;
  }

  /** @throws SottoError AUDIO_NOT_FOUND, AUDIO_UNREADABLE or AUDIO_EMPTY. */
  static async open(path: string, onRead?: () => void, calls = NODE_CALLS): Promise<PositionedFile> {
    let handle: FileHandle | undefined;
    try {
      requireRegularFile(path, await calls.stat(path));
      // O_NONBLOCK: if the file has become a pipe since, opening it must not wait for a writer.
      handle = await calls.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const stats = await handle.stat();
      requireRegularFile(path, stats);
      if (stats.size === 0) {
        throw new SottoError('AUDIO_EMPTY', `${quotePath(path)} is empty (0 bytes)`, {
          hint: 'record or copy it again',
        });
      }
      return new PositionedFile(path, stats.size, handle, onRead);
    } catch (error) {
      await handle?.close();
      throw audioFileError(path, error);
    }
  }

  /**
   * Reads `length` bytes at `position`, fewer only at the end of the file. The caller owns the buffer.
   *
   * @throws SottoError AUDIO_UNSUPPORTED for a length above 64 MiB, which no valid header has
   */
  async read(position: number, length: number): Promise<Uint8Array> {
    if (this.#closed)
      throw new SottoError('CANCELLED', `${quotePath(this.path)} was closed while it was being read`);
    const count = Math.max(0, Math.min(length, this.size - position));
    if (count > MAX_READ_BYTES) {
      throw new SottoError(
        'AUDIO_UNSUPPORTED',
        `${quotePath(this.path)} has a part of ${count} bytes in its header`,
        {
          hint: 'it is damaged: export or convert it again',
        },
      );
    }
    const bytes = new Uint8Array(count);
    let filled = 0;
    try {
      while (filled < count) {
        const { bytesRead } = await this.#handle.read(bytes, filled, count - filled, position + filled);
        if (bytesRead === 0) break; // the file was shortened
        filled += bytesRead;
      }
    } catch (error) {
      throw audioFileError(this.path, error);
    }
    this.onRead?.();
    return filled === count ? bytes : bytes.subarray(0, filled);
  }

  /** Yields the bytes of `[start, end)` in pieces. */
  async *stream(start: number, end = this.size, pieceBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
    const last = Math.min(end, this.size);
    for (let position = start; position < last; position += pieceBytes) {
      const piece = await this.read(position, Math.min(pieceBytes, last - position));
      if (piece.length === 0) return;
      yield piece;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}

function requireRegularFile(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) {
    throw new SottoError('AUDIO_UNREADABLE', `${quotePath(path)} is a folder, not an audio file`, {
      hint: 'name the files in it, for example *.wav',
    });
  }
  throw new SottoError(
    'AUDIO_UNREADABLE',
    `${quotePath(path)} is ${specialKind(stats)}, not a regular file`,
    {
      hint: 'save the audio to a file first',
    },
  );
}

/** Converts an error of the operating system to a coded error that names the file. */
export function audioFileError(path: string, error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  if (codeOf(error) === 'ENOENT')
    return new SottoError('AUDIO_NOT_FOUND', `file not found: ${quotePath(path)}`, { cause: error });
  return fileError(quotePath(path), error, AUDIO_FILE);
}
