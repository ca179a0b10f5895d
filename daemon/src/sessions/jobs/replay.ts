/**
 * Removes duplicates from the second run of a job. The engine died after some segments were sent; sent segments are
 * final, so the new run's copies of them are dropped.
 *
 * Decoding is usually deterministic, and then the first n segments are equal. Where sampling made them differ, time
 * decides: segments before the end of the sent text are dropped, later ones are new.
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
  /** Number of sent segments that the current run has repeated; undefined once it diverged. */
  #matched: number | undefined = 0;

  get segments(): number {
    return this.#sent.length;
  }

  /** A new run starts at the beginning of the audio. */
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

  /** Whether the current run is still repeating sent segments. */
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
