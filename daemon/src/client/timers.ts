/** A set of timers that can be cleared together. */
export class Timers {
  readonly #running = new Set<NodeJS.Timeout>();

  /** Calls `call` after `ms`, unless the timers are cleared before. */
  after(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      call();
    }, ms);
    this.#running.add(timer);
  }

  clear(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
