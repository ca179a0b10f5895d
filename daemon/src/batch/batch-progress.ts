/** Counts finished files and estimates the remaining time. */
import { extname } from 'node:path';
import type { Counts, NewFile } from '../store/batch/batch-run.js';

/** Audio per byte differs widely between file types, so each type is estimated from its own finished files. */
interface Kind {
  bytes: number;
  seconds: number;
  leftBytes: number;
}

type Sized = Pick<NewFile, 'path' | 'bytes'>;

export class BatchProgress {
  readonly #kinds = new Map<string, Kind>();
  readonly #now: () => number;
  #known = false;
  #startedMs: number | undefined;
  #over = { done: 0, failed: 0, skipped: 0 };
  #waiting = 0;
  /** Audio transcribed by this process. */
  #audioSeconds = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** @param left the waiting files */
  set({ done, failed, skipped }: Counts, left: readonly Sized[]): void {
    this.#known = true;
    this.#over = { done, failed, skipped };
    this.#waiting = left.length;
    for (const kind of this.#kinds.values()) kind.leftBytes = 0;
    for (const { path, bytes } of left) this.#kindOf(path).leftBytes += bytes;
  }

  /** Whether the scan for files is complete. */
  get known(): boolean {
    return this.#known;
  }

  get done(): number {
    return this.#over.done;
  }

  get failed(): number {
    return this.#over.failed;
  }

  get skipped(): number {
    return this.#over.skipped;
  }

  get left(): number {
    return this.#waiting;
  }

  get files(): number {
    return this.done + this.failed + this.skipped + this.left;
  }

  get audioSeconds(): number {
    return this.#audioSeconds;
  }

  /** Time since the first file started. */
  get elapsedSeconds(): number {
    return this.#startedMs === undefined ? 0 : (this.#now() - this.#startedMs) / 1000;
  }

  /** Seconds of audio per second of work; 0 before the first file is done. */
  get speed(): number {
    return this.elapsedSeconds > 0 ? this.#audioSeconds / this.elapsedSeconds : 0;
  }

  /** Undefined before the first file is done. */
  get remainingSeconds(): number | undefined {
    const known = [...this.#kinds.values()].filter(({ bytes }) => bytes > 0);
    const bytes = known.reduce((sum, kind) => sum + kind.bytes, 0);
    const seconds = known.reduce((sum, kind) => sum + kind.seconds, 0);
    if (bytes === 0 || seconds === 0 || this.speed === 0) return undefined;
    let left = 0;
    for (const kind of this.#kinds.values()) {
      left += kind.leftBytes * (kind.bytes > 0 ? kind.seconds / kind.bytes : seconds / bytes);
    }
    return left / this.speed;
  }

  started(): void {
    this.#startedMs ??= this.#now();
  }

  fileDone(file: Sized, audioSeconds: number): void {
    this.#removeWaiting(file);
    this.#over.done += 1;
    this.#audioSeconds += audioSeconds;
    const kind = this.#kindOf(file.path);
    kind.bytes += file.bytes;
    kind.seconds += audioSeconds;
  }

  fileFailed(file: Sized): void {
    this.#removeWaiting(file);
    this.#over.failed += 1;
  }

  fileSkipped(file: Sized): void {
    this.#removeWaiting(file);
    this.#over.skipped += 1;
  }

  #removeWaiting({ path, bytes }: Sized): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
    const kind = this.#kindOf(path);
    kind.leftBytes = Math.max(0, kind.leftBytes - bytes);
  }

  #kindOf(path: string): Kind {
    const name = extname(path).toLowerCase();
    const kind = this.#kinds.get(name) ?? { bytes: 0, seconds: 0, leftBytes: 0 };
    this.#kinds.set(name, kind);
    return kind;
  }
}
