/** The audio of one session on disk while it is spoken: what has been appended survives the death of any process. */
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { encodeHeader, isTruncatedHeader, MAX_HEADER_BYTES, type SpoolInfo } from './spool-header.js';
import type { Orphan } from './orphans.js';

export const SPOOL_SUFFIX = '.spool';

/** What a spool asks of a file; tests put one in its place that fails. */
export type SpoolHandle = Pick<FileHandle, 'write' | 'read' | 'datasync' | 'close'>;
export type OpenSpool = (path: string, flags: string, mode: number) => Promise<SpoolHandle>;
export type UnlinkSpool = (path: string) => Promise<void>;

/** A power cut takes about so much audio at most: a process that dies takes none. */
const SYNC_EVERY_SAMPLES = 5 * SAMPLE_RATE;

/**
 * Appends are written one after another, in the order of the calls. After a failed one the file still holds all that was
 * written before, and the next append tries again at the same place.
 *
 * No append waits for the disk itself: the kernel has the audio then, and `fdatasync` follows beside it. A failed one is
 * tried again with the next; what it was for is still with the kernel.
 */
export class SpoolFile {
  readonly path: string;
  readonly #handle: SpoolHandle;
  readonly #headerBytes: number;
  #samples: number;
  #tail: Promise<unknown> = Promise.resolve();
  /** Samples that the disk itself has. */
  #syncedSamples: number;
  #syncing: Promise<void> | undefined;

  private constructor(path: string, handle: SpoolHandle, headerBytes: number, samples: number) {
    this.path = path;
    this.#handle = handle;
    this.#headerBytes = headerBytes;
    this.#samples = this.#syncedSamples = samples;
  }

  /**
   * A new file, readable by its user alone. One of which not even the head could be written is begun again.
   * @throws SottoError SPOOL_FAILED
   */
  static async create(
    folder: string,
    info: SpoolInfo,
    openFile: OpenSpool = open,
    unlinkFile: UnlinkSpool = unlink,
  ): Promise<SpoolFile> {
    const path = join(folder, `${info.id}${SPOOL_SUFFIX}`);
    const head = encodeHeader(info);
    try {
      const handle = await openNew(path, openFile);
      try {
        await writeAll(handle, head, 0);
      } catch (error) {
        await handle.close().catch(() => undefined);
        // On a full disk the file itself can still be made, and would stay empty.
        await unlinkFile(path).catch(() => undefined);
        throw error;
      }
      const spool = new SpoolFile(path, handle, head.length, 0);
      spool.#sync(() => syncFolder(dirname(path), openFile));
      return spool;
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
        await writeAll(this.#handle, pcm, this.#headerBytes + this.#samples * BYTES_PER_SAMPLE);
      } catch (error) {
        throw spoolError(error, this.path);
      }
      this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
      if (this.#samples - this.#syncedSamples >= SYNC_EVERY_SAMPLES) this.#sync();
      return this.#samples;
    });
    this.#tail = writing.catch(() => undefined);
    return writing;
  }

  /** Samples from one to another, s16le; fewer where the file ends. */
  async read(from: number, to: number): Promise<Buffer> {
    await this.#tail;
    const end = Math.min(to, this.#samples);
    return readAll(
      this.#handle,
      this.#headerBytes + from * BYTES_PER_SAMPLE,
      (end - from) * BYTES_PER_SAMPLE,
    );
  }

  /** Waits for what is written, not for the disk: whoever waits for the text need not. */
  async close(): Promise<void> {
    await this.#tail;
    const closing = async (): Promise<void> => this.#handle.close().catch(() => undefined);
    if (this.#syncing === undefined) await closing();
    else void this.#syncing.then(closing);
  }

  #sync(more: () => Promise<void> = () => Promise.resolve()): void {
    if (this.#syncing !== undefined) return;
    const samples = this.#samples;
    const syncing = async (): Promise<void> => {
      try {
        await this.#handle.datasync();
        await more();
        this.#syncedSamples = samples;
      } catch {
        // The next one tries again.
      }
    };
    this.#syncing = syncing().finally(() => (this.#syncing = undefined));
  }
}

async function openNew(path: string, openFile: OpenSpool): Promise<SpoolHandle> {
  try {
    return await openFile(path, 'wx+', 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST' || !(await isUnfinished(path, openFile))) throw error;
    return openFile(path, 'w+', 0o600);
  }
}

/** Whether a file is a spool of which not even the head could be written. */
export async function isUnfinished(path: string, openFile: OpenSpool = open): Promise<boolean> {
  const handle = await openFile(path, 'r', 0o600);
  try {
    return isTruncatedHeader(await readAll(handle, 0, MAX_HEADER_BYTES));
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/** After it the name of a file survives a power cut. */
async function syncFolder(folder: string, openFile: OpenSpool): Promise<void> {
  const handle = await openFile(folder, 'r', 0o600);
  try {
    await handle.datasync();
  } finally {
    await handle.close().catch(() => undefined);
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
