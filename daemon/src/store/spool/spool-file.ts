/** The audio of one session on disk while it is recorded: appended audio survives the crash of any process. */
import { open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { encodeHeader, isTruncatedHeader, MAX_HEADER_BYTES, type SpoolInfo } from './spool-header.js';
import type { Orphan } from './orphans.js';

export const SPOOL_SUFFIX = '.spool';

/** The file operations that a spool needs; tests inject failing ones. */
export type SpoolHandle = Pick<FileHandle, 'write' | 'read' | 'datasync' | 'close'>;
export type OpenSpool = (path: string, flags: string, mode: number) => Promise<SpoolHandle>;
export type UnlinkSpool = (path: string) => Promise<void>;

/** A power cut loses at most about this much audio; a crashed process loses none. */
const SYNC_EVERY_SAMPLES = 5 * SAMPLE_RATE;

/**
 * Appends are written in the order of the calls. After a failed one, the file still holds everything before it, and
 * the next append writes at the same position.
 *
 * Appends don't wait for the disk: the kernel has the audio, and `fdatasync` follows in parallel. A failed sync is
 * repeated with the next one; the kernel still has the data.
 */
export class SpoolFile {
  readonly path: string;
  readonly #handle: SpoolHandle;
  readonly #headerBytes: number;
  #samples: number;
  #tail: Promise<unknown> = Promise.resolve();
  /** Samples that are synced to disk. */
  #syncedSamples: number;
  #syncing: Promise<void> | undefined;

  private constructor(path: string, handle: SpoolHandle, headerBytes: number, samples: number) {
    this.path = path;
    this.#handle = handle;
    this.#headerBytes = headerBytes;
    this.#samples = this.#syncedSamples = samples;
  }

  /**
   * Creates a file that only the user can read. A file with a truncated header is replaced.
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
        // On a full disk, an empty file can still be created.
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

  /** Continues an existing file after its last complete sample. @throws SottoError SPOOL_FAILED */
  static async reopen({ path, pcmAt, samples }: Orphan, openFile: OpenSpool = open): Promise<SpoolFile> {
    try {
      return new SpoolFile(path, await openFile(path, 'r+', 0o600), pcmAt, samples);
    } catch (error) {
      throw spoolError(error, path);
    }
  }

  /** Samples in the file. */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Appends s16le samples.
   *
   * @returns how many samples the file then has
   * @throws SottoError SPOOL_FAILED; none of the samples count then
   */
  append(pcm: Uint8Array): Promise<number> {
    const writing = this.#tail.then(async () => {
      try {
        await writeAll(this.#handle, pcm, this.#headerBytes + this.#samples * BYTES_PER_SAMPLE);
      } catch (error) {
        throw spoolError(error, this.path);
      }
      this.#samples += pcm.byteLength / BYTES_PER_SAMPLE;
      this.#syncSometimes();
      return this.#samples;
    });
    this.#tail = writing.catch(() => undefined);
    return writing;
  }

  /** Another process has written samples: the file has at least this many. */
  extendTo(samples: number): void {
    this.#samples = Math.max(this.#samples, samples);
    this.#syncSometimes();
  }

  /** How many complete samples the file has by now, whichever process wrote them. */
  async samplesOnDisk(): Promise<number> {
    const { size } = await stat(this.path);
    return Math.max(0, Math.floor((size - this.#headerBytes) / BYTES_PER_SAMPLE));
  }

  /** s16le samples of a range; fewer at the end of the file. */
  async read(from: number, to: number): Promise<Buffer> {
    await this.#tail;
    const end = Math.min(to, this.#samples);
    return readAll(
      this.#handle,
      this.#headerBytes + from * BYTES_PER_SAMPLE,
      (end - from) * BYTES_PER_SAMPLE,
    );
  }

  /** Waits for pending writes, but not for the disk, so that the final text isn't delayed. */
  async close(): Promise<void> {
    await this.#tail;
    const closing = async (): Promise<void> => this.#handle.close().catch(() => undefined);
    if (this.#syncing === undefined) await closing();
    else void this.#syncing.then(closing);
  }

  #syncSometimes(): void {
    if (this.#samples - this.#syncedSamples >= SYNC_EVERY_SAMPLES) this.#sync();
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
        // The next sync tries again.
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

/** Whether a file is a spool with a truncated header. */
export async function isUnfinished(path: string, openFile: OpenSpool = open): Promise<boolean> {
  const handle = await openFile(path, 'r', 0o600);
  try {
    return isTruncatedHeader(await readAll(handle, 0, MAX_HEADER_BYTES));
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/** Makes the file's name survive a power cut. */
async function syncFolder(folder: string, openFile: OpenSpool): Promise<void> {
  const handle = await openFile(folder, 'r', 0o600);
  try {
    await handle.datasync();
  } finally {
    await handle.close().catch(() => undefined);
  }
}

/** A write may be partial. */
export async function writeAll(handle: SpoolHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    if (bytesWritten <= 0) throw new Error('nothing could be written');
    done += bytesWritten;
  }
}

/** @returns fewer bytes than requested at the end of the file */
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
    ...(full && { hint: 'free some space; until then your audio is kept in memory only' }),
  });
}
