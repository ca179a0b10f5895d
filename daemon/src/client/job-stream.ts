/** The events of one job, pushed by whoever hears them and pulled by whoever shows them. */
import type { SottoError } from '../protocol/errors.js';
import type { JobEvent } from '../protocol/messages.js';

/** When the reader is this far behind, what is only for display is not kept for it. */
const DISPLAY_BACKLOG = 256;

export class JobStream {
  readonly #events: JobEvent[] = [];
  #failure: SottoError | undefined;
  #over = false;
  #wake: () => void = () => undefined;

  get over(): boolean {
    return this.#over;
  }

  /** Adds an event; `final` is the last one. */
  push(event: JobEvent): void {
    if (this.#over) return;
    const display = event.type === 'text' || event.type === 'progress';
    if (display && this.#events.length >= DISPLAY_BACKLOG) return;
    this.#events.push(event);
    if (event.type === 'final') this.#over = true;
    this.#wake();
  }

  /** Ends the stream; what was pushed before is still read. */
  fail(error: SottoError): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    this.#wake();
  }

  async *read(): AsyncGenerator<JobEvent, void> {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#over) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
