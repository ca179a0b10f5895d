/**
 * Keeps a second run of a job from saying again what the first run said. The engine died after some segments
 * were sent; they can't be taken back, so the new run's copies of them are held back.
 *
 * Decoding is deterministic as a rule, and then the first n segments are the same. Where sampling made them
 * differ, time decides: what lies before the end of the text that was sent is dropped, what follows is new.
 */
import type { Segment, TranscribeEvent } from '../../protocol/transcription.js';

interface Sent {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export class Replay {
  readonly #sent: Sent[] = [];
  #languageSent = false;
  #progressSeconds = 0;
  /** How many of the sent segments the present run has come past; undefined once it took another way. */
  #matched: number | undefined = 0;

  get segments(): number {
    return this.#sent.length;
  }

  /** A new run begins from the start of the audio. */
  restart(): void {
    this.#matched = 0;
  }

  /** Whether `event` is new to the client; it counts as sent from then on. */
  admit(event: TranscribeEvent): boolean {
    switch (event.type) {
      case 'language':
        if (this.#languageSent) return false;
        this.#languageSent = true;
        return true;
      case 'progress':
        if (event.seconds <= this.#progressSeconds) return false;
        this.#progressSeconds = event.seconds;
        return true;
      case 'text':
        return !this.#behind;
      case 'segment':
        return this.#admitSegment(event.segment);
    }
  }

  /** The present run has not yet come to where the one before it broke off. */
  get #behind(): boolean {
    return this.#matched !== undefined && this.#matched < this.#sent.length;
  }

  #admitSegment(segment: Segment): boolean {
    if (this.#behind && this.#matched !== undefined) {
      const known = this.#sent[this.#matched];
      if (known?.start === segment.start && known.end === segment.end && known.text === segment.text) {
        this.#matched += 1;
        return false;
      }
      this.#matched = undefined;
    }
    if (this.#matched === undefined && (segment.start + segment.end) / 2 < (this.#sent.at(-1)?.end ?? 0)) {
      return false;
    }
    this.#sent.push({ start: segment.start, end: segment.end, text: segment.text });
    if (this.#matched !== undefined) this.#matched = this.#sent.length;
    return true;
  }
}
