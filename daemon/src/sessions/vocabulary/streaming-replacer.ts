/**
 * Applies replacements to text that grows at its end. Returned text is never taken back: words that may become part
 * of a phrase are held back until the next words decide.
 */
import type { Replacer } from './replacer.js';
import { applyReplacementsLive, applyReplacements } from './apply-replacements.js';

export class StreamingReplacer {
  readonly #replacer: Replacer;
  /** The text so far, and the part of it that was returned. */
  #source = '';
  #emitted = '';

  constructor(replacer: Replacer) {
    this.#replacer = replacer;
  }

  /** All text returned so far. */
  get text(): string {
    return this.#emitted;
  }

  /** @returns the text that is now certain, often none */
  add(source: string): string {
    this.#source += source;
    return this.#emit(
      applyReplacementsLive(this.#replacer, { committed: this.#source, tentative: '' }).committed,
    );
  }

  /** No more text follows. @returns the rest */
  end(): string {
    return this.#emit(applyReplacements(this.#replacer, this.#source));
  }

  #emit(text: string): string {
    if (!text.startsWith(this.#emitted)) return '';
    const more = text.slice(this.#emitted.length);
    this.#emitted = text;
    return more;
  }
}
