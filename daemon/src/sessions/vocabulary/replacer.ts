/**
 * Finds what the user's replacements change in a text. A pure function of the text, so live and final text agree.
 *
 * - Whole words only: `sean → Shaun` leaves “mean” and “Seance” alone, and “Sean's” becomes “Shaun's”. Scripts
 *   without spaces between words are matched as they are.
 * - Any spelling: “sean”, “Sean”, “SEAN”, any white space between the words of a phrase, either apostrophe. A
 *   phrase in capitals only is an acronym: `US → United States` leaves “us” alone.
 * - Case is kept: SEAN becomes SHAUN, and a capitalized word stays capitalized unless `to` has capitals of its own.
 * - The longest match wins, once: replaced text is not searched again.
 */
import { UNSPACED_SCRIPTS } from '../../protocol/unspaced-scripts.js';
import type { Replacement } from '../../protocol/vocabulary.js';
import {
  foldCase,
  foldLetter,
  isAllCapitals,
  normalizeWord,
  replacementKey,
} from '../../store/vocabulary/word-keys.js';
import { fitEdits, type Edit, type Match } from './edits.js';
import { unitsOf } from './text-units.js';

/** A character that continues a word. */
const WORD_CHARACTER = `(?![${UNSPACED_SCRIPTS}])[\\p{L}\\p{N}\\p{M}_]`;
const STARTS_WITH_WORD_CHARACTER = new RegExp(`^${WORD_CHARACTER}`, 'u');
const ENDS_WITH_WORD_CHARACTER = new RegExp(`${WORD_CHARACTER}$`, 'u');
/** “can't” is one word, “Sean's” and “we're” are two. */
const NOT_CONTRACTED = `(?!['’][tT](?!${WORD_CHARACTER}))`;
const APOSTROPHE = /^['’ʼ]$/u;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

const CAPITAL = /\p{Lu}/u;
const BEGINS_WITH_CAPITAL = /^\P{L}*\p{Lu}/u;

export class Replacer {
  /** Units (`unitsOf`) of the longest phrase; 0 without replacements. */
  readonly longest: number;
  readonly #pattern: RegExp | undefined;
  /** By folded phrase; acronyms as written. */
  readonly #byKey = new Map<string, Replacement>();

  constructor(replacements: readonly Replacement[]) {
    for (const { from, to } of replacements) {
      if (from.trim() !== '') this.#byKey.set(replacementKey(from), { from: from.trim(), to });
    }
    const all = [...this.#byKey.values()].map(({ from }) => from).sort((a, b) => b.length - a.length);
    this.longest = Math.max(0, ...all.map((from) => unitsOf(from).length));
    if (all.length > 0) this.#pattern = new RegExp(patternOf(all), 'gu');
  }

  get isEmpty(): boolean {
    return this.#pattern === undefined;
  }

  /** The edits of a text, from start to end. */
  edits(text: string): Edit[] {
    if (this.#pattern === undefined) return [];
    const matches: Match[] = [];
    for (const { 0: matched, index } of text.matchAll(this.#pattern)) {
      const found = this.#byKey.get(normalizeWord(matched)) ?? this.#byKey.get(foldCase(matched));
      if (found === undefined) continue;
      matches.push({ start: index, end: index + matched.length, matched, to: matchCase(found, matched) });
    }
    return fitEdits(text, matches);
  }
}

/** Adjacent phrases share their word boundaries; otherwise a long list takes long to compile. */
function patternOf(all: readonly string[]): string {
  const runs: { readonly before: string; readonly after: string; readonly inner: string[] }[] = [];
  for (const from of all) {
    const before = STARTS_WITH_WORD_CHARACTER.test(from) ? `(?<!${WORD_CHARACTER})` : '';
    const after = ENDS_WITH_WORD_CHARACTER.test(from) ? `(?!${WORD_CHARACTER})${NOT_CONTRACTED}` : '';
    const inner = new Set([from, from.normalize('NFC'), from.normalize('NFD')].map(phrasePattern));
    const last = runs.at(-1);
    if (last?.before === before && last.after === after) last.inner.push(...inner);
    else runs.push({ before, after, inner: [...inner] });
  }
  return runs.map(({ before, after, inner }) => `${before}(?:${inner.join('|')})${after}`).join('|');
}

function phrasePattern(from: string): string {
  const letters = isAllCapitals(from) ? literalPattern : anyCasePattern;
  return from
    .split(/\s+/u)
    .map((word) => Array.from(word, letters).join(''))
    .join('\\s+');
}

function literalPattern(letter: string): string {
  return APOSTROPHE.test(letter) ? "['’ʼ]" : letter.replace(SYNTAX, '\\$&');
}

function anyCasePattern(letter: string): string {
  const upper = letter.toUpperCase();
  const variants = [...new Set([letter, letter.toLowerCase(), upper, foldLetter(letter)])].filter(
    (variant) => foldCase(variant) === foldCase(letter),
  );
  if (variants.length < 2) return literalPattern(letter);
  const isOneEach = variants.every((variant) => [...variant].length === 1);
  return isOneEach ? `[${variants.join('')}]` : `(?:${variants.join('|')})`;
}

function matchCase({ from, to }: Replacement, matched: string): string {
  if (isAllCapitals(from)) return to;
  if (isAllCapitals(matched)) return to.toUpperCase();
  // A replacement that only changes the spelling applies its case everywhere.
  if (CAPITAL.test(to) || foldCase(from) === foldCase(to) || !BEGINS_WITH_CAPITAL.test(matched)) return to;
  return to.replace(/^\p{Ll}/u, (first) => first.toUpperCase());
}
