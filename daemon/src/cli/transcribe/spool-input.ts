/** Saves audio from stdin or a pipe to a private file while it is transcribed. */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { makeFolder } from '../../make-folder.js';
import { SottoError } from '../../protocol/errors.js';
import { readInChildProcess } from '../../read-in-child-process.js';
import { limitedUpload, sweepInputs, Upload } from '../../upload.js';
import type { OpenInput } from './inputs.js';
import { embeddedOr } from '../../writers/report-audio.js';

/**
 * @param name for messages
 * @param folder created with mode 0700 if missing; the file has mode 0600
 * @throws SottoError AUDIO_EMPTY, AUDIO_UNREADABLE, PAYLOAD_TOO_LARGE, INSUFFICIENT_DISK, SPOOL_FAILED, CANCELLED
 */
export async function spoolInput(
  source: Readable,
  name: string,
  folder: string,
  signal: AbortSignal,
): Promise<OpenInput> {
  const upload = await createUpload(folder);
  // A second Ctrl-C exits at once.
  const atExit = (): void => rmSync(upload.path, { force: true });
  process.once('exit', atExit);
  const remove = async (): Promise<void> => {
    await upload.discard();
    process.off('exit', atExit);
  };
  // A pending read would keep the process running.
  const stop = (): void => void source.destroy();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await upload.write(Readable.from(limitedUpload(source, name)), signal);
    if (upload.bytes === 0) {
      throw new SottoError('AUDIO_EMPTY', 'no audio arrived', { hint: 'check the command before the pipe' });
    }
    return { path: upload.path, remove, audio: (at) => embeddedOr(upload.path, at, undefined) };
  } catch (error) {
    await remove();
    if (signal.aborted) throw new SottoError('CANCELLED', 'cancelled', { cause: error });
    throw error instanceof SottoError
      ? error
      : new SottoError('AUDIO_UNREADABLE', 'the input can’t be read completely', {
          cause: error,
          hint: 'save it to a file, then transcribe that',
        });
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
}

/**
 * Reads a named pipe in a child process, because a blocked read can't be cancelled. The pipes of `<(command)` are
 * already open.
 */
export function openPipe(path: string, signal: AbortSignal): Readable {
  const fd = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(path)?.[1];
  if (fd !== undefined) return new Socket({ fd: Number(fd), readable: true, writable: false });
  return readInChildProcess(path, 'pipe', signal);
}

async function createUpload(folder: string): Promise<Upload> {
  try {
    makeFolder(folder, 0o700);
  } catch (cause) {
    throw new SottoError('SPOOL_FAILED', `can’t create ${folder}`, {
      cause,
      hint: 'check the permissions of Sotto’s folder',
    });
  }
  sweepInputs(folder);
  return Upload.ofCommand(folder);
}
