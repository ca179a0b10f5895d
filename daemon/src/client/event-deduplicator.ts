/**
 * Which events of a session are new to whoever reads them, over all its connections: numbered ones once each, and when a
 * session had to be begun again, only what comes after the text that was said before.
 */
import { isNumbered, type LiveEvent } from '../protocol/live.js';

type Committed = Extract<LiveEvent, { type: 'committed' }>;

export class EventDeduplicator {
  /** The last number that was heard, 0 if none: what `resume` asks from. */
  seq = 0;
  /** Seconds: where the committed text ends. */
  #committedUntil = 0;
  /** Seconds: what ends before was said by the session that this one takes the place of. */
  #replayedUntil = 0;

  /** The session is begun again, from its first sample on: its numbers, too. */
  restart(): void {
    this.seq = 0;
    this.#replayedUntil = this.#committedUntil;
  }

  /** The event as far as it is new, or undefined. */
  admit(event: LiveEvent, seq: number | undefined): LiveEvent | undefined {
    if (isNumbered(event) && seq !== undefined) {
      if (seq <= this.seq) return undefined;
      this.seq = seq;
    }
    if (event.type !== 'committed') return event;
    const fresh = this.#newPart(event);
    this.#committedUntil = Math.max(this.#committedUntil, fresh?.words.at(-1)?.end ?? 0);
    return fresh;
  }

  #newPart(event: Committed): Committed | undefined {
    // The middle decides: two decodes do not agree on a word's times to the hundredth.
    const first = event.words.findIndex(({ start, end }) => (start + end) / 2 > this.#replayedUntil);
    if (first === 0 || event.words.length === 0) return event;
    if (first < 0) return undefined;
    const words = event.words.slice(first);
    return { ...event, words, text: words.map(({ word }) => word).join('') };
  }
}
