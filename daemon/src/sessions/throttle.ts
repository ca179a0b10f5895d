/** Runs an action soon after an important change, at most every 100 ms for all others. */
import type { Clock, Timer } from '../clock.js';

const INTERVAL_MS = 100;

export class Throttle {
  readonly #clock: Clock;
  readonly #run: () => boolean;
  #isScheduled = false;
  #timer: Timer | undefined;
  #closed = false;

  /** @param run returns false if the action did not succeed; it is retried */
  constructor(clock: Clock, run: () => boolean) {
    this.#clock = clock;
    this.#run = run;
  }

  runSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  runThrottled(): void {
    this.#timer ??= this.#clock.after(INTERVAL_MS, () => {
      this.#timer = undefined;
      this.#flush();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #flush(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#run()) this.runThrottled();
  }
}
