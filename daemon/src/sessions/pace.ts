/** When something is told to one who watches: what matters at once, all that changes together; the rest now and then. */
import type { Clock, Timer } from '../clock.js';

const EVERY_MS = 100;

export class Pace {
  readonly #clock: Clock;
  readonly #tell: () => boolean;
  #soon = false;
  #calm: Timer | undefined;
  #closed = false;

  /** @param tell says what there is to say; false if that could not be passed on: it is tried again */
  constructor(clock: Clock, tell: () => boolean) {
    this.#clock = clock;
    this.#tell = tell;
  }

  atOnce(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.#flush();
    });
  }

  nowAndThen(): void {
    this.#calm ??= this.#clock.after(EVERY_MS, () => {
      this.#calm = undefined;
      this.#flush();
    });
  }

  close(): void {
    this.#closed = true;
    this.#calm?.cancel();
  }

  #flush(): void {
    if (this.#closed) return;
    this.#calm?.cancel();
    this.#calm = undefined;
    if (!this.#tell()) this.nowAndThen();
  }
}
