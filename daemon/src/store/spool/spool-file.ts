/** The audio of one session on disk while it is spoken: what has been appended survives the death of any process. */
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE } from '../../protocol/live.js';
import { encodeHead, type SpoolInfo } from './header.js';
import type { Orphan } from './recover.js';

export const SPOOL_SUFFIX = '.spool';

/** What a spool asks of a file; tests put one in its place that fails. */
export type SpoolHandle = Pick<FileHandle, 'write' | 'read' | 'close'>;
export type OpenSpool = (path: string, flags: string, mode: number) => Promise<SpoolHandle>;

/**
 * Appends are written one after another, in the order of the calls. After a failed one the file still holds all that was
 * written before, and the next append tries again at the same place.
 */
export class SpoolFile {
  readonly path: string;
  readonly #handle: SpoolHandle;
  readonly #headBytes: number;
  #samples: number;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(path: string, handle: SpoolHandle, headBytes: number, samples: number) {
    this.path = path;
    this.#handle = handle;
    this.#headBytes = headBytes;
    this.#samples = samples;
  }

  /** A new file, readable by its user alone. @throws SottoError SPOOL_FAILED */
  static async create(folder: string, info: SpoolInfo, openFile: OpenSpool = open): Promise<SpoolFile> {
    const path = join(folder, `${info.id}${SPOOL_SUFFIX}`);
    const head = encodeHead(info);
    try {
      const handle = await openFile(path, 'wx+', 0o600);
      try {
        await writeAll(handle, head, 0);
      } catch (error) {
        await handle.close().catch(() => undefined);
        throw error;
      }
      return new SpoolFile(path, handle, head.length, 0);
    } catch (error) {
      throw spoolError(error, path);
    }
  }

  /** Goes on with a file that is there, behind its last whole sample. @throws SottoError SPOOL_FAILED */
  static async reopen({ path, pcmAt, samples }: Orphan, openFile: OpenSpool = open): Promise<SpoolFile> {
    try {
      return new SpoolFile(path, await openFile(path, 'r+', 0o600), pcmAt, samples);
    } catch (error) {
      throw spoolError(error, path);
    }
  }

  /** Samples that are in the file. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Writes samples, s16le, behind those that are there.
   *
   * @returns how many the file then holds
   * @throws SottoError SPOOL_FAILED, with none of them counted
   */
  append(pcm: Uint8Array): Promise<number> {
    const writing = this.#tail.then(async () => {
      try {
        await writeAll(this.#handle, pcm, this.#headBytes + this.#samples * BYTES_PER_SAMPLE);
      } catch (error) {
        throw spoolError(error, this.path);
      }
      this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
      return this.#samples;
    });
    this.#tail = writing.catch(() => undefined);
    return writing;
  }

  /** Samples from one to another, s16le; fewer where the file ends. */
  async read(from: number, to: number): Promise<Buffer> {
    await this.#tail;
    const end = Math.min(to, this.#samples);
    return readAll(this.#handle, this.#headBytes + from * BYTES_PER_SAMPLE, (end - from) * BYTES_PER_SAMPLE);
  }

  async close(): Promise<void> {
    await this.#tail;
    await this.#handle.close().catch(() => undefined);
  }
}

/** A write may take less than it was given. */
export async function writeAll(handle: SpoolHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    if (bytesWritten <= 0) throw new Error('nothing could be written');
    done += bytesWritten;
  }
}

/** @returns fewer bytes than asked for where the file ends */
export async function readAll(handle: SpoolHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

function spoolError(error: unknown, path: string): SottoError {
  const full = codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
  return new SottoError('SPOOL_FAILED', `${path} can't be written${full ? ': the disk is full' : ''}`, {
    cause: error,
    ...(full && { hint: 'free some space; until then what you say is kept in memory only' }),
  });
}
