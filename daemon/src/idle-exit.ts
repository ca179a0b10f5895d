/** Ends a daemon that has had no work for a while. */
import type { Clock, Timer } from './clock.js';

interface IdleExitOptions {
  readonly clock: Clock;
  /** Undefined: it stays. */
  readonly seconds: number | undefined;
  readonly isBusy: () => boolean;
  readonly onIdle: () => void;
}

export class IdleExit {
  readonly #options: IdleExitOptions;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(options: IdleExitOptions) {
    this.#options = options;
  }

  /** Starts the wait again, or ends it if there is work. Called whenever work begins or ends. */
  check(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, seconds, isBusy, onIdle } = this.#options;
    if (seconds === undefined || this.#isOver || isBusy()) return;
    this.#timer = clock.after(seconds * 1000, onIdle);
  }

  /** The daemon stops: no further wait. */
  close(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }
}
