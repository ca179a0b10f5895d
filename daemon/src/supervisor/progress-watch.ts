/**
 * Detects an engine that responds but computes nothing: a hung GPU is waited for on another thread, so pings don't
 * notice it. The engine counts its steps (waits for the device, pieces of files); while there is work, that count
 * must grow. Checked at each pong: without one `HangWatch` acts, and a machine that slept is no stall.
 */
import type { Clock } from '../clock.js';
import { PING_INTERVAL_MS } from './hang-watch.js';

/**
 * The longest step is a pass of the largest model over a full batch: about 20 s on two slow cores. A machine that
 * swaps takes several times as long.
 */
export const STALL_TIMEOUT_MS = 180_000;
/** While a model loads: its weights may come from a slow disk. */
const LOADING_STALL_TIMEOUT_MS = 300_000;

interface ProgressWatchOptions {
  readonly clock: Clock;
  /** The current work; a stall is timed within one kind of work. */
  readonly work: () => 'none' | 'loading' | 'job';
  readonly onStall: (stalledMs: number) => void;
}

export class ProgressWatch {
  readonly #options: ProgressWatchOptions;
  #steps: number | undefined;
  #lastProgressMs: number | undefined;
  /** Since when the next step is waited for. */
  #waitingSinceMs: number;
  #answeredMs: number;

  constructor(options: ProgressWatchOptions) {
    this.#options = options;
    this.#waitingSinceMs = this.#answeredMs = options.clock.nowMs();
  }

  /** When the engine last computed something, by the clock; undefined if it did nothing yet. */
  get lastProgressMs(): number | undefined {
    return this.#lastProgressMs;
  }

  /** Work starts. */
  noteStart(): void {
    this.#waitingSinceMs = this.#options.clock.nowMs();
  }

  /** A result arrived. */
  noteProgress(): void {
    this.#lastProgressMs = this.#waitingSinceMs = this.#options.clock.nowMs();
  }

  /** A pong arrived. @param waits whether the work waits for memory that other work uses */
  notePong(steps: number | undefined, waits = false): void {
    const { clock, work, onStall } = this.#options;
    const now = clock.nowMs();
    const slept = now - this.#answeredMs > 3 * PING_INTERVAL_MS;
    this.#answeredMs = now;
    const doing = work();
    if (steps !== this.#steps) this.#lastProgressMs = this.#waitingSinceMs = now;
    this.#steps = steps;
    if (waits || slept || doing === 'none') this.#waitingSinceMs = now;
    const stalledMs = now - this.#waitingSinceMs;
    if (stalledMs > (doing === 'loading' ? LOADING_STALL_TIMEOUT_MS : STALL_TIMEOUT_MS)) onStall(stalledMs);
  }
}
