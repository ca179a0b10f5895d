/** The event queue of one job. */
import type { SottoError } from '../protocol/errors.js';
import type { JobEvent } from '../protocol/messages.js';
import { EventQueue } from '../event-queue.js';

/** If more events are unread, events that are only for display are dropped. */
const DISPLAY_BACKLOG = 256;

export class JobStream {
  readonly #queue = new EventQueue<JobEvent>();

  get over(): boolean {
    return this.#queue.over;
  }

  /** Adds an event; `final` ends the stream. */
  push(event: JobEvent): void {
    const display = event.type === 'text' || event.type === 'progress';
    if (display && this.#queue.backlog >= DISPLAY_BACKLOG) return;
    this.#queue.push(event);
    if (event.type === 'final') this.#queue.end();
  }

  /** Ends the stream with an error, after the unread events. */
  end(error: SottoError): void {
    this.#queue.end(error);
  }

  read(): AsyncGenerator<JobEvent, void> {
    return this.#queue.read();
  }
}
