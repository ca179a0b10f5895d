/** Counts recognized hotwords over many clips. */
import { occurrences, plainWords, wordErrors } from './hotword-clips.js';
import { sum } from '../report.js';

/** Scripts without spaces, whose characters are counted. */
const UNSPACED_LANGUAGES = /[\p{Script=Han}\p{Script=Hiragana}]/u;

export class HotwordCounts {
  static readonly header = [
    'listed words recognized',
    'word errors',
    '… without listed words',
    'false listed words',
    'tokens per second',
  ];
  #expected = 0;
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

  /** @param plain the text of the same clip without a list */
  add(text: string, result: { text: string; tokens?: number; seconds?: number }, plain: string): void {
    const split = UNSPACED_LANGUAGES.test(text)
      ? (words: string): string[] => [...plainWords(words).join('')]
      : plainWords;
    const [right, wrote, before] = [text, result.text, plain].map(split);
    if (right === undefined || wrote === undefined || before === undefined) return;
    const count = (words: readonly string[], name: string): number => occurrences(words, split(name));
    let none = true;
    for (const name of [...this.names, ...this.others]) {
      const [expected, written] = [count(right, name), count(wrote, name)];
      if (expected > 0) none = false;
      this.#expected += expected;
      this.#written += Math.min(expected, written);
      // Words that also occur without a list do not count.
      for (let i = Math.max(expected, count(before, name)); i < written; i++) this.#invented.push(name);
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
      expected: this.#expected,
      written: this.#written,
      all: this.#all,
      without: this.#without,
      invented: this.#invented,
      ...(Number.isFinite(speed) ? { tokensPerSecond: speed } : {}),
    };
  }

  get cells(): string[] {
    const { expected, written, all, without, invented, tokensPerSecond } = this.figures;
    const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
    return [
      `${percent(written, expected)} (${written}/${expected})`,
      `${percent(all.errors, all.words)} (${all.errors}/${all.words})`,
      `${percent(without.errors, without.words)} (${without.errors}/${without.words})`,
      `${invented.length}`,
      tokensPerSecond === undefined ? '' : tokensPerSecond.toFixed(0),
    ];
  }
}
