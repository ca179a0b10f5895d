/** Writes a copy of a job's file for the daemon, once at most, for as long as the daemon waits for it. */
import { SottoError } from '../protocol/errors.js';
import type { Upload } from '../upload.js';
import { copyForDaemon } from './copy-for-daemon.js';

interface DaemonCopyOptions {
  /** Absolute. */
  readonly path: string;
  /** Where the daemon says that copies go. */
  readonly folder: string;
  /** The copy is there, by its name: tell the daemon. */
  readonly onCopied: (upload: string) => void;
  /** This program can't read the file either. */
  readonly onFailed: (error: SottoError) => void;
  /** Told how many bytes are copied, now and then. */
  readonly onBytes?: (bytes: number) => void;
}

const PROGRESS_INTERVAL_MS = 200;

export class DaemonCopy {
  readonly #options: DaemonCopyOptions;
  readonly #stopped = new AbortController();
  #upload: Upload | undefined;
  #reportedMs = -Infinity;

  constructor(options: DaemonCopyOptions) {
    this.#options = options;
    void this.#copy();
  }

  /** The daemon needs no copy any more. One that it has adopted has another name by now, and stays. */
  stop(): void {
    this.#stopped.abort();
    void this.#upload?.discard();
  }

  async #copy(): Promise<void> {
    const { path, folder, onCopied, onFailed, onBytes } = this.#options;
    const { signal } = this.#stopped;
    try {
      const upload = await copyForDaemon(path, folder, signal, (bytes) => {
        const now = performance.now();
        if (signal.aborted || now - this.#reportedMs < PROGRESS_INTERVAL_MS) return;
        this.#reportedMs = now;
        onBytes?.(bytes);
      });
      if (signal.aborted) await upload.discard();
      else {
        this.#upload = upload;
        onCopied(upload.name);
      }
    } catch (error) {
      if (!signal.aborted) onFailed(SottoError.from(error));
    }
  }
}
