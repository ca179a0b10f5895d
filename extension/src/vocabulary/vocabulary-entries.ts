/** The vocabulary as a list: its words, and what is written in place of what is heard. */
import { toOneLine, type Vocabulary } from 'sotto/protocol';

export type Entry =
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'replacement'; readonly from: string; readonly to: string };

const compare = new Intl.Collator(undefined, { sensitivity: 'base', numeric: true }).compare;

export function wordsOf({ words }: Vocabulary): Entry[] {
  return [...words].sort(compare).map((word) => ({ kind: 'word', word }));
}

export function replacementsOf({ replacements }: Vocabulary): Entry[] {
  return [...replacements]
    .sort((a, b) => compare(a.from, b.from))
    .map(({ from, to }) => ({ kind: 'replacement', from, to }));
}

/** What it is called in a list and in a question. */
export function nameOf(entry: Entry): string {
  return entry.kind === 'word' ? entry.word : entry.from;
}

export function idOf(entry: Entry): string {
  return `${entry.kind} ${nameOf(entry)}`;
}

/** `→ Shaun` */
export function replacementLabel(to: string): string {
  return to === '' ? 'Left out' : `→ ${toOneLine(to)}`;
}

/** For a request that adds or removes it. */
export function toVocabulary(entry: Entry): Vocabulary {
  return entry.kind === 'word'
    ? { words: [entry.word], replacements: [] }
    : { words: [], replacements: [{ from: entry.from, to: entry.to }] };
}

/** With one entry as it is now, in the place where it was; at the end, if it was removed meanwhile. */
export function replaceEntry({ words, replacements }: Vocabulary, before: Entry, now: Entry): Vocabulary {
  const { words: newWords, replacements: newReplacements } = toVocabulary(now);
  return {
    words: replaceInPlace(words, newWords, (word) => before.kind === 'word' && word === before.word),
    replacements: replaceInPlace(
      replacements,
      newReplacements,
      ({ from }) => before.kind === 'replacement' && from === before.from,
    ),
  };
}

function replaceInPlace<T>(all: readonly T[], now: readonly T[], matches: (one: T) => boolean): T[] {
  return all.some(matches) ? all.flatMap((one) => (matches(one) ? now : [one])) : [...all, ...now];
}

/** Longer than a word or a name: it was selected for something else. */
const MAX_WORD_CHARACTERS = 100;
const MAX_WORDS = 6;

/** A selected text as a word, without what stands around it; empty if it is none. */
export function toWord(text: string): string {
  const word = text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^[“"‘'([{«¿¡]+|[”"’')\]}».,;:!?…]+$/g, '');
  return word.length > MAX_WORD_CHARACTERS || word.split(' ').length > MAX_WORDS ? '' : word;
}
