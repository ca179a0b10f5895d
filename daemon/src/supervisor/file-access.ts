/**
 * Whether the user's files can be opened here. macOS asks the user before a background service reads Desktop, Documents,
 * network disks and others: `open` then fails, or does not return until the user answers. So a process that can be killed
 * tries each file before the engine is given it.
 */
import { finished } from 'node:stream/promises';
import type { Clock } from '../clock.js';
import { codeOf } from '../protocol/errors.js';
import { readInProcess } from '../read-in-process.js';
import { Upload } from '../upload.js';

/** A file that is not open after this is waited for apart from the others. */
export const OPEN_TIMEOUT_MS = 2_000;
/** Files that are tried at once; one that hangs keeps its place until its job is over. */
const MAX_CONCURRENT_CHECKS = 8;

/** `open`: the engine may read it, or is the one to tell why it can't. `slow`: no answer yet; another one follows. */
export type FileAnswer = 'open' | 'denied' | 'slow';

/** What sessions see of it. */
export interface FileAccess {
  /**
   * @param answer called once with `open` or `denied`, before that perhaps once with `slow`; never before this returns
   * @returns what ends the check: nothing is answered any more
   */
  check(path: string, answer: (answer: FileAnswer) => void): () => void;
  /** Takes over the copy of a file that a client wrote. @throws SottoError INVALID_ARGUMENT: there is none */
  adopt(name: string): Upload;
}

/**
 * Opens a file and reads its first byte, which is where a file that lies in a cloud is fetched.
 * @throws the error of the system; any but EPERM and EACCES counts as `open`
 */
export type TryOpen = (path: string, signal: AbortSignal) => Promise<void>;

interface FileAccessOptions {
  readonly clock: Clock;
  /** Where clients write the copies. */
  readonly uploads: string;
  readonly tryOpen?: TryOpen;
}

export class ProcessFileAccess implements FileAccess {
  readonly #options: FileAccessOptions;
  #tries = 0;
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
      this.#tries += 1;
      void tryOpen(path, ended.signal)
        .then(
          () => 'open' as const,
          (error: unknown) => (isDenial(error) ? ('denied' as const) : ('open' as const)),
        )
        .then((found) => {
          this.#tries -= 1;
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
      if (this.#tries >= MAX_CONCURRENT_CHECKS) return;
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
  const bytes = readInProcess(path, 'first', signal);
  await finished(bytes.resume(), { writable: false });
};
