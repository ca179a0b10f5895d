/** A queue between a producer of events and an async iteration. */
import type { SottoError } from './protocol/errors.js';

export class EventQueue<Event> {
  #events: Event[] = [];
  #failure: SottoError | undefined;
  #over = false;
  #wake: () => void = () => undefined;

  /** Whether the queue has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Number of unread events. */
  get backlog(): number {
    return this.#events.length;
  }

  push(event: Event): void {
    if (this.#over) return;
    this.#events.push(event);
    this.#wake();
  }

  /** Removes stale unread events. */
  drop(stale: (event: Event) => boolean): void {
    this.#events = this.#events.filter((event) => !stale(event));
  }

  /** Ends the queue. Unread events are still read, then `failure` is thrown. */
  end(failure?: SottoError): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    this.#wake();
  }

  async *read(): AsyncGenerator<Event, void> {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
