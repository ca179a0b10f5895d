/** Detects a daemon that does not answer what it is sent. */
import type { Timers } from './timers.js';

export class SilenceWatch {
  readonly #timers: Timers;
  readonly #limitMs: number;
  readonly #onSilent: () => void;
  /** When something was first sent after the last answer; undefined if no answer is due. */
  #sinceMs: number | undefined;
  #isWatching = false;

  /** @param onSilent called if an answer is due for longer than the limit */
  constructor(timers: Timers, limitMs: number, onSilent: () => void) {
    this.#timers = timers;
    this.#limitMs = limitMs;
    this.#onSilent = onSilent;
  }

  /** Something was sent, so an answer is due. */
  sent(): void {
    this.#sinceMs ??= performance.now();
    this.#watch(this.#limitMs);
  }

  /** An answer came, or none is due any more because the connection is lost. */
  received(): void {
    this.#sinceMs = undefined;
  }

  #watch(ms: number): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#timers.after(ms, () => {
      this.#isWatching = false;
      if (this.#sinceMs === undefined) return;
      const restMs = this.#sinceMs + this.#limitMs - performance.now();
      if (restMs > 0) this.#watch(restMs);
      else this.#onSilent();
    });
  }
}
