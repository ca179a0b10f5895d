import type { Vocabulary, VocabularyChange } from 'sotto/protocol';

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

export function nameOf(entry: Entry): string {
  return entry.kind === 'word' ? entry.word : entry.from;
}

export function idOf(entry: Entry): string {
  return `${entry.kind} ${nameOf(entry)}`;
}

/** `→ Shaun`; a line break shows as ⏎. */
export function replacementLabel(to: string): string {
  return to === '' ? '→ (removed)' : `→ ${to.replaceAll('\n', '⏎')}`;
}

export function toVocabulary(entry: Entry): Vocabulary {
  return entry.kind === 'word'
    ? { words: [entry.word], replacements: [] }
    : { words: [], replacements: [{ from: entry.from, to: entry.to }] };
}

/** Replaces an entry in its place; appends it if another client has removed it. */
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

/** A longer selection is not a word or a name. */
const MAX_WORD_CHARACTERS = 100;
const MAX_WORDS = 6;

/** Strips quotes and punctuation from a selection; empty if it is too long. */
export function toWord(text: string): string {
  const word = text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^[“"‘'([{«¿¡]+|[”"’')\]}».,;:!?…]+$/g, '');
  return word.length > MAX_WORD_CHARACTERS || word.split(' ').length > MAX_WORDS ? '' : word;
}

/** `Added`, `3 Added, 1 Removed` */
export function changeText({ added, changed, removed }: VocabularyChange): string {
  const parts = [
    { many: added, what: 'Added' },
    { many: changed, what: 'Changed' },
    { many: removed, what: 'Removed' },
  ].filter(({ many }) => many > 0);
  const [only] = parts;
  if (only === undefined) return 'Already Added';
  if (parts.length === 1 && only.many === 1) return only.what;
  return parts.map(({ many, what }) => `${many} ${what}`).join(', ');
}
