/**
 * Detects an engine that neither responds nor dies. It is pinged at a fixed interval; silence beyond the timeout
 * means that it hangs. If a tick comes much later than scheduled, the machine slept, and the timeout starts
 * again.
 */
import type { Clock, Timer } from '../clock.js';

export const PING_INTERVAL_MS = 5_000;
/** Waits for MLX do not block, so a healthy engine responds within milliseconds; loading may block. */
export const SILENCE_TIMEOUT_MS = 60_000;
const LOADING_SILENCE_TIMEOUT_MS = 300_000;

interface HangWatchOptions {
  readonly clock: Clock;
  readonly ping: () => void;
  readonly onHang: (silentMs: number) => void;
  /** Whether the engine is in a phase that may block its event loop for long. */
  readonly isLoading: () => boolean;
}

export class HangWatch {
  readonly #options: HangWatchOptions;
  #lastMessageMs: number;
  #lastTickMs: number;
  #cancelTimer: Timer | undefined;

  constructor(options: HangWatchOptions) {
    this.#options = options;
    this.#lastMessageMs = this.#lastTickMs = options.clock.nowMs();
    this.#schedule();
  }

  /** Any message from the engine proves that it is alive. */
  noteMessage(): void {
    this.#lastMessageMs = this.#options.clock.nowMs();
  }

  stop(): void {
    this.#cancelTimer?.cancel();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    this.#cancelTimer = this.#options.clock.after(PING_INTERVAL_MS, () => this.#tick());
  }

  #tick(): void {
    const now = this.#options.clock.nowMs();
    const jumped = now - this.#lastTickMs > 3 * PING_INTERVAL_MS;
    this.#lastTickMs = now;
    if (jumped) this.#lastMessageMs = now;
    const silentMs = now - this.#lastMessageMs;
    const allowedMs = this.#options.isLoading() ? LOADING_SILENCE_TIMEOUT_MS : SILENCE_TIMEOUT_MS;
    if (silentMs > allowedMs) {
      this.stop();
      this.#options.onHang(silentMs);
      return;
    }
    this.#options.ping();
    this.#schedule();
  }
}
