/**
 * What is written in place of what was heard: a pure function of the text, so that what is shown while somebody speaks and
 * what is delivered agree.
 *
 * - Whole words only: `sean → Shaun` leaves “mean” and “Seance” alone, and “Sean's” becomes “Shaun's”. Scripts without spaces
 *   between words are matched as they are.
 * - However it is written: “sean”, “Sean”, “SEAN”, with any white space between the words of a phrase and either apostrophe.
 *   One that is given in capitals alone is an acronym: `US → United States` leaves “us” alone.
 * - As it was written: SEAN becomes SHAUN, and what began with a capital begins with one, unless `to` has capitals of its own.
 * - Of several that fit in one place the longest, once: what was put there is not looked at again.
 */
import { RUN_ON } from '../../protocol/run-on-scripts.js';
import type { Replacement } from '../../protocol/vocabulary.js';
import { folded, foldedLetter, isShouted, plain, replacementKey } from '../../store/vocabulary/keys.js';
import { fitted, type Edit, type Match } from './edits.js';
import { unitsOf } from './units.js';

/** A character that goes on with a word. */
const INSIDE = `(?![${RUN_ON}])[\\p{L}\\p{N}\\p{M}_]`;
const BEGINS_INSIDE = new RegExp(`^${INSIDE}`, 'u');
const ENDS_INSIDE = new RegExp(`${INSIDE}$`, 'u');
/** “can't” is one word, “Sean's” and “we're” are two. */
const NOT_CONTRACTED = `(?!['’][tT](?!${INSIDE}))`;
const APOSTROPHE = /^['’ʼ]$/u;
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;

const CAPITAL = /\p{Lu}/u;
const BEGINS_WITH_CAPITAL = /^\P{L}*\p{Lu}/u;

export class Replacer {
  /** Units (`unitsOf`) of the longest phrase; 0 if nothing is replaced. */
  readonly longest: number;
  readonly #pattern: RegExp | undefined;
  /** By what is matched, acronyms as they are written. */
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

  /** What is to be changed of a text, from its beginning to its end. */
  edits(text: string): Edit[] {
    if (this.#pattern === undefined) return [];
    const matches: Match[] = [];
    for (const { 0: heard, index } of text.matchAll(this.#pattern)) {
      const found = this.#byKey.get(plain(heard)) ?? this.#byKey.get(folded(heard));
      if (found === undefined) continue;
      matches.push({ start: index, end: index + heard.length, heard, to: cased(found, heard) });
    }
    return fitted(text, matches);
  }
}

/** Those that stand beside each other share their edges, or a long list would take long to compile. */
function patternOf(all: readonly string[]): string {
  const runs: { readonly before: string; readonly after: string; readonly inner: string[] }[] = [];
  for (const from of all) {
    const before = BEGINS_INSIDE.test(from) ? `(?<!${INSIDE})` : '';
    const after = ENDS_INSIDE.test(from) ? `(?!${INSIDE})${NOT_CONTRACTED}` : '';
    const inner = new Set([from, from.normalize('NFC'), from.normalize('NFD')].map(innerOf));
    const last = runs.at(-1);
    if (last?.before === before && last.after === after) last.inner.push(...inner);
    else runs.push({ before, after, inner: [...inner] });
  }
  return runs.map(({ before, after, inner }) => `${before}(?:${inner.join('|')})${after}`).join('|');
}

function innerOf(from: string): string {
  const letters = isShouted(from) ? exactly : anyCase;
  return from
    .split(/\s+/u)
    .map((word) => Array.from(word, letters).join(''))
    .join('\\s+');
}

function exactly(letter: string): string {
  return APOSTROPHE.test(letter) ? "['’ʼ]" : letter.replace(SYNTAX, '\\$&');
}

function anyCase(letter: string): string {
  const upper = letter.toUpperCase();
  const variants = [...new Set([letter, letter.toLowerCase(), upper, foldedLetter(letter)])].filter(
    (variant) => folded(variant) === folded(letter),
  );
  if (variants.length < 2) return exactly(letter);
  const isOneEach = variants.every((variant) => [...variant].length === 1);
  return isOneEach ? `[${variants.join('')}]` : `(?:${variants.join('|')})`;
}

function cased({ from, to }: Replacement, heard: string): string {
  if (isShouted(from)) return to;
  if (isShouted(heard)) return to.toUpperCase();
  // One that only tells how a word is written means it so everywhere.
  if (CAPITAL.test(to) || folded(from) === folded(to) || !BEGINS_WITH_CAPITAL.test(heard)) return to;
  return to.replace(/^\p{Ll}/u, (first) => first.toUpperCase());
}
