/** Tracks the progress, speed and remaining time of a download. */
import type { Clock } from '../../clock.js';

export interface DownloadProgress {
  readonly stage: 'downloading' | 'verifying';
  /** Of all files, including those from an earlier try. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; undefined until there is enough data. */
  readonly bytesPerSecond?: number;
  readonly secondsLeft?: number;
}

/** The speed is averaged over this long, because connections are unsteady. */
const SPEED_WINDOW_MS = 8_000;
const MIN_SPEED_WINDOW_MS = 500;
/** Minimum distance of two samples. */
const SAMPLE_INTERVAL_MS = 200;

export class ProgressMeter {
  readonly #clock: Clock;
  readonly #totalBytes: number;
  readonly #stage: DownloadProgress['stage'];
  #doneBytes = 0;
  /** Without existing bytes, which don't count as speed. */
  #receivedBytes = 0;
  #points: { atMs: number; bytes: number }[];

  constructor(stage: DownloadProgress['stage'], totalBytes: number, clock: Clock) {
    this.#stage = stage;
    this.#totalBytes = totalBytes;
    this.#clock = clock;
    this.#points = [{ atMs: clock.nowMs(), bytes: 0 }];
  }

  /** Bytes that were received now. */
  addReceived(bytes: number): void {
    this.#doneBytes += bytes;
    this.#receivedBytes += bytes;
  }

  /** Bytes that existed already; negative if they turned out to be wrong. */
  addExisting(bytes: number): void {
    this.#doneBytes += bytes;
  }

  now(): DownloadProgress {
    const nowMs = this.#clock.nowMs();
    const last = this.#points.at(-1);
    if (last === undefined || nowMs - last.atMs >= SAMPLE_INTERVAL_MS) {
      this.#points.push({ atMs: nowMs, bytes: this.#receivedBytes });
      while (this.#points.length > 2 && nowMs - (this.#points[0]?.atMs ?? nowMs) > SPEED_WINDOW_MS)
        this.#points.shift();
    }
    const first = this.#points[0];
    const passedMs = first === undefined ? 0 : nowMs - first.atMs;
    const base = { stage: this.#stage, doneBytes: this.#doneBytes, totalBytes: this.#totalBytes };
    if (first === undefined || passedMs < MIN_SPEED_WINDOW_MS) return base;
    const bytesPerSecond = ((this.#receivedBytes - first.bytes) / passedMs) * 1000;
    if (bytesPerSecond <= 0) return { ...base, bytesPerSecond: 0 };
    return {
      ...base,
      bytesPerSecond,
      secondsLeft: Math.max(0, this.#totalBytes - this.#doneBytes) / bytesPerSecond,
    };
  }
}
