/**
 * A text that grows at its end, written with the replacements of a vocabulary. What was given is never taken back: words that
 * what is said next may make part of a phrase are held back until it is known.
 */
import type { Replacer } from './replacer.js';
import { spellShown, spellText } from './spell.js';

export class GrowingText {
  readonly #replacer: Replacer;
  /** As it was said, and what of it was given. */
  #said = '';
  #given = '';

  constructor(replacer: Replacer) {
    this.#replacer = replacer;
  }

  /** All that was given so far. */
  get text(): string {
    return this.#given;
  }

  /** @returns what is certain of how it goes on; often nothing */
  add(said: string): string {
    this.#said += said;
    return this.#give(spellShown(this.#replacer, { committed: this.#said, tentative: '' }).committed);
  }

  /** Nothing more is said. @returns the rest */
  end(): string {
    return this.#give(spellText(this.#replacer, this.#said));
  }

  #give(text: string): string {
    if (!text.startsWith(this.#given)) return '';
    const more = text.slice(this.#given.length);
    this.#given = text;
    return more;
  }
}
