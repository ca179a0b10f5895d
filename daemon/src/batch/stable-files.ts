/** Detects files that are still being written: a file is complete when two scans a second apart find it unchanged. */
import type { FoundFile } from './find-files.js';

const STABLE_MS = 1_000;

interface FileState {
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly sinceMs: number;
  /** Whether it was reported as complete. */
  reported: boolean;
}

export class StableFiles {
  readonly #states = new Map<string, FileState>();
  readonly #now: () => number;
  #pending = false;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the current scan met an incomplete file. */
  get pending(): boolean {
    return this.#pending;
  }

  /** Starts a scan. */
  begin(): void {
    this.#pending = false;
  }

  /** Whether the file has just become complete; true once per version of it. */
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
