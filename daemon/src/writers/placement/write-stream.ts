/** Writes a text to a device, a named pipe or a descriptor such as `/dev/fd/3`. */
import { closeSync, constants, openSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { codeOf, SottoError } from '../../protocol/errors.js';
import { fileError, OUTPUT_FILE } from '../../protocol/file-errors.js';
import { sleep } from '../../async.js';

const RETRY_MS = 50;

const NEVER = new AbortController().signal;

/**
 * Waits for the reader of a named pipe, as a shell does. It polls, because a thread blocked in the system call could
 * not be interrupted.
 *
 * @param signal cancels waiting
 * @throws SottoError OUTPUT_FAILED, CANCELLED
 */
export async function writeStream(path: string, text: string, signal: AbortSignal = NEVER): Promise<void> {
  try {
    if (!(await stat(path)).isFIFO()) return await writeFile(path, text);
    for (;;) {
      const fd = openPipe(path);
      if (fd !== undefined) return await writePipe(fd, text, signal);
      if (signal.aborted) throw new SottoError('CANCELLED', `cancelled: nothing reads from ${path}`);
      await sleep(RETRY_MS, signal);
    }
  } catch (error) {
    throw fileError(path, error, OUTPUT_FILE);
  }
}

/** Undefined while no process reads from it. */
function openPipe(path: string): number | undefined {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENXIO') return undefined;
    throw error;
  }
}

async function writePipe(fd: number, text: string, signal: AbortSignal): Promise<void> {
  if (text === '') {
    closeSync(fd);
    return;
  }
  const pipe = new Socket({ fd, readable: false, writable: true });
  const stop = (): void => {
    pipe.destroy(new SottoError('CANCELLED', 'cancelled: the pipe is not read'));
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await new Promise<void>((done, failed) => {
      pipe.once('error', failed);
      pipe.once('close', (hadError) => {
        if (!hadError) done();
      });
      pipe.end(text);
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
