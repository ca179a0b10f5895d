/**
 * Audio that a program sends: a file of our own, for as long as somebody works with it. Its name is ours, and says nothing of
 * the client's. A client of this user writes such a file itself where the daemon may not open the user's file (macOS gives
 * permission to each program apart), and the daemon adopts it.
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

/** The largest file that is taken over HTTP, from a pipe, or as a copy. */
export const MAX_UPLOAD_BYTES = 4 * 1024 ** 3;
/** What is left free for everybody else. */
const RESERVE_BYTES = 256 * 1024 * 1024;
/** How often it is looked whether the disk still has room. */
const DISK_CHECK_INTERVAL_BYTES = 64 * 1024 * 1024;
/** Files of this process: what lies beside them belongs to one that is gone. */
const OWN_PREFIX = randomBytes(6).toString('hex');
/** Files of commands, by their process. */
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
   * A place for a file; nothing is written yet.
   * @param expectedBytes how long the client says that it is
   * @throws SottoError INSUFFICIENT_DISK
   */
  static async begin(folder: string, expectedBytes = 0): Promise<Upload> {
    await checkFreeSpace(folder, expectedBytes);
    return new Upload(folder);
  }

  /**
   * The same for a command that hands a file of its own to the daemon: the daemon's start leaves it.
   * @throws SottoError INSUFFICIENT_DISK, SPOOL_FAILED
   */
  static async ofCommand(folder: string): Promise<Upload> {
    await checkFreeSpace(folder, 0);
    return new Upload(folder, `input.${process.pid}.${randomBytes(12).toString('hex')}`);
  }

  /**
   * Takes over a file that a client wrote (`ofCommand`): from now on it has a name of this process, and goes with its job.
   * @param name its name in `folder`, as the client says it
   * @throws SottoError INVALID_ARGUMENT: there is no such file
   */
  static adopt(folder: string, name: string): Upload {
    const upload = new Upload(folder);
    try {
      if (!COMMAND_INPUT.test(name)) throw new Error('not the name of an upload');
      renameSync(join(folder, name), upload.path);
    } catch (cause) {
      throw new SottoError('INVALID_ARGUMENT', 'the copy of this file is gone', {
        cause,
        hint: 'transcribe the file again',
      });
    }
    return upload;
  }

  /** Written so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @throws SottoError INSUFFICIENT_DISK, SPOOL_FAILED; whatever `source` fails with */
  async write(source: Readable, signal: AbortSignal): Promise<void> {
    let failed: unknown;
    source.once('error', (error) => (failed = error));
    const file = createWriteStream(this.path, { flags: 'wx', mode: 0o600 });
    try {
      await pipeline(source, (chunks: AsyncIterable<Buffer>) => this.#counted(chunks), file, { signal });
    } catch (error) {
      // It may come to be yet: whoever discards it before that discards nothing.
      if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve));
      throw failed === error || signal.aborted ? error : diskError(error);
    }
  }

  /** Takes it away, whether it is all there or not. */
  async discard(): Promise<void> {
    await unlink(this.path).catch(() => undefined); // it never came to be
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

/** As this process and earlier ones name them. The folder may hold others' files. */
const NAME = /^[0-9a-f]{12}-[0-9a-f]{24}$/;

/** Removes what an earlier process has left. For the process that holds the lock of the daemon, else it would be another one's. */
export function sweepUploads(folder: string): void {
  sweep(folder, (name) => NAME.test(name) && !name.startsWith(`${OWN_PREFIX}-`));
}

/** Removes what commands that were killed have left. */
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
  return new SottoError('SPOOL_FAILED', `the audio can’t be kept while it is worked on: ${reasonOf(error)}`, {
    hint: hintOf(error) ?? 'check Sotto’s folder: may you write there?',
    cause: error,
  });
}

function noRoom(): SottoError {
  return new SottoError('INSUFFICIENT_DISK', 'the disk has no room for this file', {
    hint: 'free up space on the disk with Sotto’s folder, then send it again',
    param: 'file',
  });
}

/** The same bytes, and PAYLOAD_TOO_LARGE above `MAX_UPLOAD_BYTES`. @param name for the message */
export async function* limitedUpload(
  source: Readable,
  name: string,
  onBytes?: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_UPLOAD_BYTES) {
      throw new SottoError('PAYLOAD_TOO_LARGE', `${name} holds more than 4 GiB`, {
        hint: 'save it to a file, then transcribe that',
      });
    }
    onBytes?.(bytes);
    yield chunk;
  }
}
