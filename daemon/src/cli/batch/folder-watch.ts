/**
 * When to look at folders again. What the system tells of changes is a hint, to look sooner: it is not told on every disk, nor
 * for every change. Looking is what counts.
 */
import { watch, type FSWatcher } from 'node:fs';
import { platform } from 'node:os';
import { resolve } from 'node:path';
import { sleep } from '../../async.js';

const MIN_SCAN_INTERVAL_MS = 1_000;
const MIN_POLL_INTERVAL_MS = 2_000;
const MAX_POLL_INTERVAL_MS = 60_000;
/** A disk that takes long to be looked through is looked through less often: for a twentieth of the time. */
const IDLE_FACTOR = 20;

export class FolderWatch {
  readonly #watchers: FSWatcher[] = [];
  #wake = new AbortController();

  constructor(args: readonly string[], recursive: boolean) {
    for (const arg of args) {
      try {
        // Below the folder itself only where the system does it; elsewhere it costs a watch for each folder.
        const watcher = watch(resolve(arg), { recursive: recursive && platform() === 'darwin' }, () =>
          this.#wake.abort(),
        );
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // Then it is looked at in turn.
      }
    }
  }

  /**
   * Resolves when it is time for another look, or `signal` is aborted.
   * @param scanMs how long the last one took
   * @param soon whether something is known to be on its way
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
