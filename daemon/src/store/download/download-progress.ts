/** How far a download is, how fast it goes and how long it takes still. */
import type { Clock } from '../../clock.js';

export interface DownloadProgress {
  readonly stage: 'downloading' | 'verifying';
  /** Of all files, what was there from an earlier try included. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; undefined as long as nothing tells. */
  readonly bytesPerSecond?: number;
  readonly secondsLeft?: number;
}

/** Speed is told over this long: a connection is not steady. */
const SPEED_WINDOW_MS = 8_000;
const MIN_SPEED_WINDOW_MS = 500;
/** Points closer than this tell no more. */
const SAMPLE_INTERVAL_MS = 200;

export class ProgressMeter {
  readonly #clock: Clock;
  readonly #totalBytes: number;
  readonly #stage: DownloadProgress['stage'];
  #doneBytes = 0;
  /** What was there is no speed. */
  #receivedBytes = 0;
  #points: { atMs: number; bytes: number }[];

  constructor(stage: DownloadProgress['stage'], totalBytes: number, clock: Clock) {
    this.#stage = stage;
    this.#totalBytes = totalBytes;
    this.#clock = clock;
    this.#points = [{ atMs: clock.nowMs(), bytes: 0 }];
  }

  /** Bytes that came now. */
  addReceived(bytes: number): void {
    this.#doneBytes += bytes;
    this.#receivedBytes += bytes;
  }

  /** Bytes that were there; fewer than none when they turned out wrong. */
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
