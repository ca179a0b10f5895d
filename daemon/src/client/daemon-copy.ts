/** Copies the file of a job for the daemon, until the daemon no longer needs the copy. */
import { SottoError } from '../protocol/errors.js';
import type { Upload } from '../upload.js';
import { copyForDaemon } from './copy-for-daemon.js';

interface DaemonCopyOptions {
  /** Absolute. */
  readonly path: string;
  /** Upload folder of the daemon. */
  readonly folder: string;
  /** Called with the file name of the complete copy. */
  readonly onCopied: (upload: string) => void;
  /** Called if this program can't read the file either. */
  readonly onFailed: (error: SottoError) => void;
  /** Called with the copied bytes at intervals. */
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

  /** Discards the copy, unless the daemon has adopted it, because it then has another name. */
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
