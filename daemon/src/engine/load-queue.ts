/**
 * Loads models one after another: those that a request waits for before those that are loaded in the background.
 */
type Task = () => Promise<void>;

export class LoadQueue {
  readonly #requested: Task[] = [];
  readonly #background: Task[] = [];
  readonly #onIdle: () => void;
  #busy = false;

  /** @param onIdle called whenever the last task is done */
  constructor(onIdle: () => void) {
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return !this.#busy;
  }

  /** Resolves or rejects as `task` does. */
  add<T>(urgency: 'requested' | 'background', task: () => Promise<T>): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      const queue = urgency === 'background' ? this.#background : this.#requested;
      queue.push(() => task().then(resolve, reject));
    });
    if (!this.#busy) void this.#work();
    return done;
  }

  async #work(): Promise<void> {
    this.#busy = true;
    // Tasks that are added in the same tick count.
    await Promise.resolve();
    for (;;) {
      const task = this.#requested.shift() ?? this.#background.shift();
      if (task === undefined) break;
      await task();
    }
    this.#busy = false;
    this.#onIdle();
  }
}
