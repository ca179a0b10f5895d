/**
 * A text that grows at its end, written with the replacements of a vocabulary. What was given is never taken back: words that
 * what is said next may make part of a phrase are held back until it is known.
 */
import type { Replacer } from './replacer.js';
import { applyReplacementsLive, applyReplacements } from './apply-replacements.js';

export class StreamingReplacer {
  readonly #replacer: Replacer;
  /** As it was said, and what of it was given. */
  #source = '';
  #emitted = '';

  constructor(replacer: Replacer) {
    this.#replacer = replacer;
  }

  /** All that was given so far. */
  get text(): string {
    return this.#emitted;
  }

  /** @returns what is certain of how it goes on; often nothing */
  add(source: string): string {
    this.#source += source;
    return this.#emit(
      applyReplacementsLive(this.#replacer, { committed: this.#source, tentative: '' }).committed,
    );
  }

  /** Nothing more is said. @returns the rest */
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
