/** Changes a vocabulary with pure functions. Words that differ only in case are the same. */
import { SottoError } from '../../protocol/errors.js';
import {
  VOCABULARY_LIMITS,
  type Replacement,
  type Vocabulary,
  type VocabularyChange,
} from '../../protocol/vocabulary.js';
import { foldCase, replacementKey } from './word-keys.js';

export const EMPTY_VOCABULARY: Vocabulary = { words: [], replacements: [] };

export interface ChangeResult {
  readonly vocabulary: Vocabulary;
  readonly change: VocabularyChange;
}

/** Existing entries are replaced in place. @throws SottoError INVALID_ARGUMENT */
export function addEntries(to: Vocabulary, more: Partial<Vocabulary>): ChangeResult {
  const words = mergeEntries(to.words, tidyWords(more.words ?? []), foldCase);
  const replacements = mergeEntries(to.replacements, tidyReplacements(more.replacements ?? []), keyOf);
  return checkLimits({
    vocabulary: { words: words.all, replacements: replacements.all },
    change: {
      added: words.added + replacements.added,
      changed: words.changed + replacements.changed,
      removed: 0,
    },
  });
}

interface EntriesToRemove {
  readonly words?: readonly string[];
  /** Named by their `from`. */
  readonly replacements?: readonly string[];
}

/** Unknown entries are ignored. `NEW LINE` means `new line` if there is no such acronym. */
export function removeEntries(
  of: Vocabulary,
  { words = [], replacements = [] }: EntriesToRemove,
): ChangeResult {
  const removedWords = new Set(words.map(foldCase));
  const known = new Set(of.replacements.map(keyOf));
  const named = replacements.map((from) =>
    known.has(replacementKey(from)) ? replacementKey(from) : foldCase(from),
  );
  const removedReplacements = new Set(named);
  const vocabulary = {
    words: of.words.filter((word) => !removedWords.has(foldCase(word))),
    replacements: of.replacements.filter((one) => !removedReplacements.has(keyOf(one))),
  };
  return { vocabulary, change: { added: 0, changed: 0, removed: countOf(of) - countOf(vocabulary) } };
}

/** Replaces the whole vocabulary. @throws SottoError INVALID_ARGUMENT */
export function replaceEntries(before: Vocabulary, now: Vocabulary): ChangeResult {
  const { vocabulary } = addEntries(EMPTY_VOCABULARY, now);
  const words = difference(before.words, vocabulary.words, foldCase);
  const replacements = difference(before.replacements, vocabulary.replacements, keyOf);
  return checkLimits({
    vocabulary,
    change: {
      added: words.added + replacements.added,
      changed: words.changed + replacements.changed,
      removed: words.removed + replacements.removed,
    },
  });
}

export function countOf({ words, replacements }: Vocabulary): number {
  return words.length + replacements.length;
}

function tidyWord(word: string): string {
  return word
    .normalize('NFC')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}

/** Keeps line breaks and trims spaces. */
function tidyTo(to: string): string {
  return to
    .normalize('NFC')
    .replace(/\r\n?/g, '\n')
    .replace(/^[ \t]+|[ \t]+$/g, '');
}

function tidyWords(words: readonly string[]): string[] {
  return words.map(tidyWord).filter((word) => word !== '');
}

function tidyReplacements(replacements: readonly Replacement[]): Replacement[] {
  return replacements
    .map(({ from, to }) => ({ from: tidyWord(from), to: tidyTo(to) }))
    .filter(({ from }) => from !== '');
}

function keyOf({ from }: Replacement): string {
  return replacementKey(from);
}

function mergeEntries<T>(
  before: readonly T[],
  more: readonly T[],
  keyOf: (one: T) => string,
): { all: T[]; added: number; changed: number } {
  const all = new Map(before.map((one) => [keyOf(one), one]));
  for (const one of more) all.set(keyOf(one), one);
  const now = [...all.values()];
  const { added, changed } = difference(before, now, keyOf);
  return { all: now, added, changed };
}

function difference<T>(before: readonly T[], now: readonly T[], keyOf: (one: T) => string): VocabularyChange {
  const known = new Map(before.map((one) => [keyOf(one), one]));
  let added = 0;
  let changed = 0;
  for (const one of now) {
    const was = known.get(keyOf(one));
    if (was === undefined) added++;
    else if (JSON.stringify(was) !== JSON.stringify(one)) changed++;
  }
  return { added, changed, removed: before.length - (now.length - added) };
}

function checkLimits(changed: ChangeResult): ChangeResult {
  const { words, replacements } = changed.vocabulary;
  const {
    bytes,
    fromLength,
    replacements: maxReplacements,
    toLength,
    wordLength,
    words: maxWords,
  } = VOCABULARY_LIMITS;
  const tooLong = (what: string, text: string, maxLength: number): void => {
    if (text.length <= maxLength) return;
    const shown = `“${text.slice(0, 30)}…”`;
    throw new SottoError(
      'INVALID_ARGUMENT',
      `${shown} is too long: ${what} may have at most ${maxLength} characters`,
      {
        hint: 'make it shorter',
      },
    );
  };
  for (const word of words) tooLong('a word', word, wordLength);
  for (const { from, to } of replacements) {
    tooLong('the replaced text', from, fromLength);
    tooLong('a replacement', to, toLength);
  }
  const tooMany = (what: string): never => {
    throw new SottoError('INVALID_ARGUMENT', `the vocabulary is too large: at most ${what}`, {
      hint: 'remove entries that you no longer need',
    });
  };
  if (words.length > maxWords) tooMany(`${maxWords} words`);
  if (replacements.length > maxReplacements) tooMany(`${maxReplacements} replacements`);
  if (Buffer.byteLength(JSON.stringify(changed.vocabulary)) > bytes) tooMany(`${bytes / 1024} KiB`);
  return changed;
}
