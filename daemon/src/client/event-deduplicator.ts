/**
 * Filters repeated events of a session over all its connections. Each numbered event passes once; after a session had to start
 * over, only text after the committed text passes.
 */
import { isNumbered, type LiveEvent } from '../protocol/live.js';

type Committed = Extract<LiveEvent, { type: 'committed' }>;

export class EventDeduplicator {
  /** The last received number, 0 if none; for `resume`. */
  seq = 0;
  /** End of the committed text, in seconds. */
  #committedUntil = 0;
  /** End of the text that the replaced session committed, in seconds. */
  #replayedUntil = 0;

  /** Call this when a new session replaces it, from the first sample and number on. */
  restart(): void {
    this.seq = 0;
    this.#replayedUntil = this.#committedUntil;
  }

  /** @returns the new part of the event, or undefined */
  admit(event: LiveEvent, seq: number | undefined): LiveEvent | undefined {
    if (isNumbered(event) && seq !== undefined) {
      if (seq <= this.seq) return undefined;
      this.seq = seq;
    }
    if (event.type === 'switched') this.#committedUntil = this.#replayedUntil = 0;
    if (event.type !== 'committed') return event;
    const fresh = this.#newPart(event);
    this.#committedUntil = Math.max(this.#committedUntil, fresh?.words.at(-1)?.end ?? 0);
    return fresh;
  }

  #newPart(event: Committed): Committed | undefined {
    // Compares the middle of the word, because two decodes differ slightly in word times.
    const first = event.words.findIndex(({ start, end }) => (start + end) / 2 > this.#replayedUntil);
    if (first === 0 || event.words.length === 0) return event;
    if (first < 0) return undefined;
    const words = event.words.slice(first);
    return { ...event, words, text: words.map(({ word }) => word).join('') };
  }
}
