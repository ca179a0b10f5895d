/** Sends the states of all models to one watcher: state changes at once, progress throttled. */
import type { Clock } from '../../clock.js';
import type { ModelState } from '../../protocol/status.js';
import { Throttle } from '../throttle.js';
import type { ModelStates, NamedStatus } from './model-states.js';

export class ModelFeed {
  readonly #throttle: Throttle;
  readonly #end: () => void;
  readonly #seen = new Map<string, ModelState>();

  /** @param send returns false if the states were not sent; they are retried */
  constructor(states: ModelStates, clock: Clock, send: (models: NamedStatus[]) => boolean) {
    this.#throttle = new Throttle(clock, () => send(states.all()));
    this.#end = states.watch((status) => this.#changed(status));
    this.#throttle.runSoon();
  }

  close(): void {
    this.#end();
    this.#throttle.close();
  }

  #changed({ name, state }: NamedStatus): void {
    const isMove = this.#seen.get(name) !== state;
    if (state === 'absent') this.#seen.delete(name);
    else this.#seen.set(name, state);
    if (isMove) this.#throttle.runSoon();
    else this.#throttle.runThrottled();
  }
}
