/**
 * Schedules the scans of watched folders. Change notifications only shorten the wait, because not every disk sends them
 * for every change.
 */
import { watch, type FSWatcher } from 'node:fs';
import { platform } from 'node:os';
import { resolve } from 'node:path';
import { sleep } from '../async.js';

const MIN_SCAN_INTERVAL_MS = 1_000;
const MIN_POLL_INTERVAL_MS = 2_000;
const MAX_POLL_INTERVAL_MS = 60_000;
/** A slow disk is scanned less often: for a twentieth of the time. */
const IDLE_FACTOR = 20;

export class FolderWatch {
  readonly #watchers: FSWatcher[] = [];
  #wake = new AbortController();

  constructor(args: readonly string[], recursive: boolean) {
    for (const arg of args) {
      try {
        // Only macOS watches subfolders cheaply; elsewhere each costs a watcher.
        const watcher = watch(resolve(arg), { recursive: recursive && platform() === 'darwin' }, () =>
          this.#wake.abort(),
        );
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // The folder is still scanned regularly.
      }
    }
  }

  /**
   * Resolves when the next scan is due or `signal` is aborted.
   * @param scanMs duration of the last scan
   * @param hasPending whether a file is still being written
   */
  async next(scanMs: number, hasPending: boolean, signal: AbortSignal): Promise<void> {
    await sleep(MIN_SCAN_INTERVAL_MS, signal);
    if (!hasPending && !signal.aborted) {
      const waitMs =
        Math.min(MAX_POLL_INTERVAL_MS, Math.max(MIN_POLL_INTERVAL_MS, IDLE_FACTOR * scanMs)) -
        MIN_SCAN_INTERVAL_MS;
      await sleep(waitMs, signal, this.#wake.signal);
    }
    this.#wake = new AbortController();
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }
}
