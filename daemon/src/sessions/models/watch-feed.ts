/** The states of all models for one who watches them: a change of state at once, progress now and then. */
import type { Clock } from '../../clock.js';
import type { ModelState } from '../../protocol/status.js';
import type { ModelStates, NamedStatus } from './model-states.js';

const EVERY_MS = 100;

export class WatchFeed {
  readonly #states: ModelStates;
  readonly #clock: Clock;
  readonly #send: (models: NamedStatus[]) => boolean;
  readonly #end: () => void;
  readonly #seen = new Map<string, ModelState>();
  #soon = false;
  #calm: (() => void) | undefined;
  #closed = false;

  /** @param send false if it could not be passed on: it is tried again */
  constructor(states: ModelStates, clock: Clock, send: (models: NamedStatus[]) => boolean) {
    this.#states = states;
    this.#clock = clock;
    this.#send = send;
    this.#end = states.watch((status) => this.#changed(status));
    this.#flushSoon();
  }

  close(): void {
    this.#closed = true;
    this.#end();
    this.#calm?.();
  }

  #changed({ name, state }: NamedStatus): void {
    const isMove = this.#seen.get(name) !== state;
    if (state === 'absent') this.#seen.delete(name);
    else this.#seen.set(name, state);
    if (isMove) this.#flushSoon();
    else this.#flushLater();
  }

  /** All that changes now is told at once. */
  #flushSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.#flush();
    });
  }

  #flushLater(): void {
    this.#calm ??= this.#clock.after(EVERY_MS, () => {
      this.#calm = undefined;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#closed) return;
    this.#calm?.();
    this.#calm = undefined;
    if (!this.#send(this.#states.all())) this.#flushLater();
  }
}
