/**
 * Notices an engine that neither answers nor dies. It is pinged at a fixed pace; silence for longer than the
 * allowance means that it hangs. A machine that slept is no hang: when a tick comes much later than it was
 * asked for, time has jumped for everybody, and the allowance begins anew.
 */
import type { Clock, Timer } from '../clock.js';

export const PING_INTERVAL_MS = 5_000;
/** MLX work is waited for without blocking, so a healthy engine answers within milliseconds; loading may block. */
export const SILENCE_TIMEOUT_MS = 60_000;
const LOADING_SILENCE_TIMEOUT_MS = 300_000;

interface HangWatchOptions {
  readonly clock: Clock;
  readonly ping: () => void;
  readonly onHang: (silentMs: number) => void;
  /** Whether the engine is in a phase that may block its event loop for long. */
  readonly loading: () => boolean;
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

  /** Any message at all from the engine counts as a sign of life. */
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
    const allowedMs = this.#options.loading() ? LOADING_SILENCE_TIMEOUT_MS : SILENCE_TIMEOUT_MS;
    if (silentMs > allowedMs) {
      this.stop();
      this.#options.onHang(silentMs);
      return;
    }
    this.#options.ping();
    this.#schedule();
  }
}
