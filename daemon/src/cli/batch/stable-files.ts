/** Files that somebody still writes are not to be read: one is complete when two looks, a second apart, find it the same. */
import type { FoundFile } from './find-files.js';

const STABLE_MS = 1_000;

interface FileState {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sinceMs: number;
  /** It was given out as complete. */
  reported: boolean;
}

export class StableFiles {
  readonly #states = new Map<string, FileState>();
  readonly #now: () => number;
  #pending = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether a look since `begin` met a file that is not complete. */
  get pending(): boolean {
    return this.#pending;
  }

  /** A round of looks begins. */
  begin(): void {
    this.#pending = false;
  }

  /** Whether it is complete now: said once for each state of it. */
  isNews({ path, bytes, modifiedMs }: FoundFile): boolean {
    const nowMs = this.#now();
    const last = this.#states.get(path);
    if (last?.bytes !== bytes || last.modifiedMs !== modifiedMs) {
      this.#states.set(path, { bytes, modifiedMs, sinceMs: nowMs, reported: false });
      this.#pending = true;
      return false;
    }
    if (last.reported) return false;
    last.reported = nowMs - last.sinceMs >= STABLE_MS;
    if (!last.reported) this.#pending = true;
    return last.reported;
  }
}
