/**
 * Checks whether the daemon can open the user's files. macOS asks the user before a background service reads
 * Desktop, Documents, network disks and others: `open` then fails, or does not return until the user answers. So
 * a small process, which can be killed, tries each file before the engine opens it.
 */
import { finished } from 'node:stream/promises';
import type { Clock } from '../clock.js';
import { codeOf } from '../protocol/errors.js';
import { readInChildProcess } from '../read-in-child-process.js';
import { Upload } from '../upload.js';

/** A file that takes longer to open no longer holds up the others. */
export const OPEN_TIMEOUT_MS = 2_000;
/** A check that hangs keeps its slot until its job ends. */
const MAX_CONCURRENT_CHECKS = 8;

/** `open`: the engine may read it, or reports why it can't. `slow`: no answer yet; another one follows. */
export type FileAnswer = 'open' | 'denied' | 'slow';

/** File access as the jobs use it. */
export interface FileAccess {
  /**
   * @param answer called once with `open` or `denied`, possibly once with `slow` before; never before this returns
   * @returns ends the check: `answer` is no longer called
   */
  check(path: string, answer: (answer: FileAnswer) => void): () => void;
  /** Takes over the copy of a file that a client wrote. @throws SottoError INVALID_ARGUMENT: there is none */
  adopt(name: string): Upload;
}

/**
 * Opens a file and reads its first byte, which downloads a file that is stored in a cloud.
 * @throws the error of the system; any but EPERM and EACCES counts as `open`
 */
export type TryOpen = (path: string, signal: AbortSignal) => Promise<void>;

interface FileAccessOptions {
  readonly clock: Clock;
  /** Directory where clients write the copies. */
  readonly uploads: string;
  readonly tryOpen?: TryOpen;
}

export class ProcessFileAccess implements FileAccess {
  readonly #options: FileAccessOptions;
  #running = 0;
  readonly #queue = new Set<() => void>();

  constructor(options: FileAccessOptions) {
    this.#options = options;
  }

  check(path: string, answer: (answer: FileAnswer) => void): () => void {
    const { clock, tryOpen = openInProcess } = this.#options;
    const ended = new AbortController();
    const stopTimer = clock.after(OPEN_TIMEOUT_MS, () => answer('slow'));
    const end = (): void => {
      stopTimer.cancel();
      this.#queue.delete(begin);
      ended.abort();
    };
    const begin = (): void => {
      this.#running += 1;
      void tryOpen(path, ended.signal)
        .then(
          () => 'open' as const,
          (error: unknown) => (isDenial(error) ? ('denied' as const) : ('open' as const)),
        )
        .then((found) => {
          this.#running -= 1;
          this.#beginNext();
          stopTimer.cancel();
          if (!ended.signal.aborted) answer(found);
        });
    };
    this.#queue.add(begin);
    queueMicrotask(() => this.#beginNext());
    return end;
  }

  adopt(name: string): Upload {
    return Upload.adopt(this.#options.uploads, name);
  }

  #beginNext(): void {
    for (const begin of this.#queue) {
      if (this.#running >= MAX_CONCURRENT_CHECKS) return;
      this.#queue.delete(begin);
      begin();
    }
  }
}

function isDenial(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'EPERM' || code === 'EACCES';
}

/** Tries it in a process that can be killed. */
export const openInProcess: TryOpen = async (path, signal) => {
  const bytes = readInChildProcess(path, 'first', signal);
  await finished(bytes.resume(), { writable: false });
};
