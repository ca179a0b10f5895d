/** What was written of what was said, counted over many clips. */
import { occurrences, plainWords, wordErrors } from './hotwords-material.js';
import { sum } from './report.js';

/** Written without spaces: their characters are counted. */
const UNSPACED_LANGUAGES = /[\p{Script=Han}\p{Script=Hiragana}]/u;

export class HotwordCounts {
  static readonly header = [
    'listed words written, of those said',
    'word errors',
    '… where none is said',
    'listed words nobody said',
    'tokens a second',
  ];
  #said = 0;
  #written = 0;
  #invented: string[] = [];
  #all = { errors: 0, words: 0 };
  #without = { errors: 0, words: 0 };
  readonly #tokens: number[] = [];
  readonly #seconds: number[] = [];

  constructor(
    readonly names: readonly string[],
    readonly others: readonly string[],
  ) {}

  /** @param plain what is written of the same clip without a list */
  add(text: string, result: { text: string; tokens?: number; seconds?: number }, plain: string): void {
    const split = UNSPACED_LANGUAGES.test(text)
      ? (words: string): string[] => [...plainWords(words).join('')]
      : plainWords;
    const [right, wrote, before] = [text, result.text, plain].map(split);
    if (right === undefined || wrote === undefined || before === undefined) return;
    const count = (words: readonly string[], name: string): number => occurrences(words, split(name));
    let none = true;
    for (const name of [...this.names, ...this.others]) {
      const [said, written] = [count(right, name), count(wrote, name)];
      if (said > 0) none = false;
      this.#said += said;
      this.#written += Math.min(said, written);
      // What the model writes of itself is no fault of the list.
      for (let i = Math.max(said, count(before, name)); i < written; i++) this.#invented.push(name);
    }
    const errors = wordErrors(right, wrote);
    for (const one of none ? [this.#all, this.#without] : [this.#all]) {
      one.errors += errors;
      one.words += right.length;
    }
    this.#tokens.push(result.tokens ?? 0);
    this.#seconds.push(result.seconds ?? 0);
  }

  get figures() {
    const speed = sum(this.#tokens) / sum(this.#seconds);
    return {
      said: this.#said,
      written: this.#written,
      all: this.#all,
      without: this.#without,
      invented: this.#invented,
      ...(Number.isFinite(speed) ? { tokensPerSecond: speed } : {}),
    };
  }

  get cells(): string[] {
    const { said, written, all, without, invented, tokensPerSecond } = this.figures;
    const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
    return [
      `${percent(written, said)} (${written}/${said})`,
      `${percent(all.errors, all.words)} (${all.errors}/${all.words})`,
      `${percent(without.errors, without.words)} (${without.errors}/${without.words})`,
      `${invented.length}`,
      tokensPerSecond === undefined ? '' : tokensPerSecond.toFixed(0),
    ];
  }
}
