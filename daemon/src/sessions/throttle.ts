/** When something is told to one who watches: what matters at once, all that changes together; the rest now and then. */
import type { Clock, Timer } from '../clock.js';

const INTERVAL_MS = 100;

export class Throttle {
  readonly #clock: Clock;
  readonly #run: () => boolean;
  #isScheduled = false;
  #timer: Timer | undefined;
  #closed = false;

  /** @param tell says what there is to say; false if that could not be passed on: it is tried again */
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
