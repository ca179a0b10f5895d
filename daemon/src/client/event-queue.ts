/** Events pushed by whoever hears them and pulled by whoever shows them. */
import type { SottoError } from '../protocol/errors.js';

export class EventQueue<Event> {
  #events: Event[] = [];
  #failure: SottoError | undefined;
  #over = false;
  #wake: () => void = () => undefined;

  /** Whether nothing more can be pushed. */
  get over(): boolean {
    return this.#over;
  }

  /** Events that were not pulled yet. */
  get backlog(): number {
    return this.#events.length;
  }

  push(event: Event): void {
    if (this.#over) return;
    this.#events.push(event);
    this.#wake();
  }

  /** Takes back what was not pulled yet and is of no more use. */
  drop(stale: (event: Event) => boolean): void {
    this.#events = this.#events.filter((event) => !stale(event));
  }

  /** Nothing more comes; what was pushed before is still read, and then `failure` thrown. */
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
