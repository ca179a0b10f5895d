/**
 * Audio that a program sends, in a file of ours while it is being transcribed. The name is ours and reveals nothing
 * of the client's file name. If the daemon may not open the user's file (macOS grants permissions per program), a
 * client of the same user writes the copy itself and the daemon adopts it.
 */
import { randomBytes } from 'node:crypto';
import { createWriteStream, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isRunning } from './is-running.js';
import { codeOf, SottoError } from './protocol/errors.js';
import { hintOf, reasonOf } from './protocol/file-errors.js';

/** The largest file that is accepted over HTTP, from a pipe, or as a copy. */
export const MAX_UPLOAD_BYTES = 4 * 1024 ** 3;
/** Free space to leave for other programs. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const DISK_CHECK_INTERVAL_BYTES = 64 * 1024 * 1024;
/** Prefix of this process's files: files with another prefix were left by a process that has exited. */
const OWN_PREFIX = randomBytes(6).toString('hex');
/** Files written by commands, with their pid. */
const COMMAND_INPUT = /^input\.(\d+)\.[0-9a-f]{24}$/;

export class Upload {
  readonly path: string;
  #bytes = 0;

  private constructor(
    folder: string,
    readonly name = `${OWN_PREFIX}-${randomBytes(12).toString('hex')}`,
  ) {
    this.path = join(folder, name);
  }

  /**
   * Reserves a name for a file; nothing is written yet.
   * @param expectedBytes size according to the client
   * @throws SottoError INSUFFICIENT_DISK
   */
  static async begin(folder: string, expectedBytes = 0): Promise<Upload> {
    await checkFreeSpace(folder, expectedBytes);
    return new Upload(folder);
  }

  /**
   * The same for a command that passes its own copy to the daemon: a daemon that starts doesn't sweep it.
   * @throws SottoError INSUFFICIENT_DISK, SPOOL_FAILED
   */
  static async ofCommand(folder: string): Promise<Upload> {
    await checkFreeSpace(folder, 0);
    return new Upload(folder, `input.${process.pid}.${randomBytes(12).toString('hex')}`);
  }

  /**
   * Takes over a file that a client wrote (`ofCommand`): it gets a name of this process and is deleted with its
   * job.
   * @param name its name in `folder`, according to the client
   * @throws SottoError INVALID_ARGUMENT: there is no such file
   */
  static adopt(folder: string, name: string): Upload {
    const upload = new Upload(folder);
    try {
      if (!COMMAND_INPUT.test(name)) throw new Error('not the name of an upload');
      renameSync(join(folder, name), upload.path);
    } catch (cause) {
      throw new SottoError('INVALID_ARGUMENT', 'the copy of this file is missing', {
        cause,
        hint: 'transcribe the file again',
      });
    }
    return upload;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws SottoError INSUFFICIENT_DISK, SPOOL_FAILED; any error of `source` */
  async write(source: Readable, signal: AbortSignal): Promise<void> {
    let failed: unknown;
    source.once('error', (error) => (failed = error));
    const file = createWriteStream(this.path, { flags: 'wx', mode: 0o600 });
    try {
      await pipeline(source, (chunks: AsyncIterable<Buffer>) => this.#counted(chunks), file, { signal });
    } catch (error) {
      // The file may not exist yet, and a discard before that would remove nothing.
      if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve));
      throw failed === error || signal.aborted ? error : diskError(error);
    }
  }

  /** Removes the file, complete or not. */
  async discard(): Promise<void> {
    await unlink(this.path).catch(() => undefined); // it was never created
  }

  async *#counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let nextCheckAt = DISK_CHECK_INTERVAL_BYTES;
    for await (const chunk of chunks) {
      this.#bytes += chunk.length;
      if (this.#bytes >= nextCheckAt) {
        await checkFreeSpace(join(this.path, '..'), 0);
        nextCheckAt += DISK_CHECK_INTERVAL_BYTES;
      }
      yield chunk;
    }
  }
}

/** The names that this process and earlier ones give. The folder may hold files of other programs. */
const NAME = /^[0-9a-f]{12}-[0-9a-f]{24}$/;

/**
 * Removes files of earlier processes. Only for the process that holds the daemon's lock: otherwise they may be in
 * use.
 */
export function sweepUploads(folder: string): void {
  sweep(folder, (name) => NAME.test(name) && !name.startsWith(`${OWN_PREFIX}-`));
}

/** Removes files of commands that were killed. */
export function sweepInputs(folder: string): void {
  sweep(folder, (name) => COMMAND_INPUT.test(name) && !isOfRunningCommand(name));
}

function sweep(folder: string, isLeft: (name: string) => boolean): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return; // there is none yet
  }
  for (const name of names.filter(isLeft)) {
    try {
      unlinkSync(join(folder, name));
    } catch {
      // A folder, or a file that another process removed first or that can't be removed.
    }
  }
}

function isOfRunningCommand(name: string): boolean {
  const pid = COMMAND_INPUT.exec(name)?.[1];
  return pid !== undefined && isRunning(Number(pid));
}

async function checkFreeSpace(folder: string, bytes: number): Promise<void> {
  let free: number;
  try {
    const { bavail, bsize } = await statfs(folder);
    free = bavail * bsize;
  } catch (error) {
    throw diskError(error);
  }
  if (free < bytes + RESERVE_BYTES) throw noRoom();
}

function diskError(error: unknown): SottoError {
  if (error instanceof SottoError) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return noRoom();
  return new SottoError('SPOOL_FAILED', `can't store the audio: ${reasonOf(error)}`, {
    hint: hintOf(error) ?? 'check that you can write to Sotto’s folder',
    cause: error,
  });
}

function noRoom(): SottoError {
  return new SottoError('INSUFFICIENT_DISK', 'not enough disk space for this file', {
    hint: 'free up space on the disk with Sotto’s folder, then send it again',
    param: 'file',
  });
}

/**
 * Passes the bytes through; fails with PAYLOAD_TOO_LARGE above `MAX_UPLOAD_BYTES`.
 * @param name for the message
 */
export async function* limitedUpload(
  source: Readable,
  name: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_UPLOAD_BYTES) {
      throw new SottoError('PAYLOAD_TOO_LARGE', `${name} is larger than 4 GiB`, {
        hint: 'save it to a file, then transcribe that',
      });
    }
    onBytes?.(bytes);
    yield chunk;
  }
}
