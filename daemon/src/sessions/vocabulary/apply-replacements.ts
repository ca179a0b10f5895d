/** Applies the replacements of a vocabulary to texts, words, segments and live text. */
import type { Segment, TranscribeEvent, Word } from '../../protocol/transcription.js';
import { applyEdits } from './edits.js';
import type { Replacer } from './replacer.js';
import { unitsOf } from './text-units.js';

/** Beyond the longest phrase: how far an edit may change the text around it. */
const EDIT_CONTEXT_UNITS = 2;

export function applyReplacements(replacer: Replacer, text: string): string {
  return applyEdits(text, replacer.edits(text));
}

/**
 * Times stay those of the audio: words that were replaced together become one, from the start of the first to the
 * end of the last, whatever the number of new words. A word of which nothing is left is removed, and a line break
 * belongs to the word after it. Joined, the words are still the text.
 */
export function applyReplacementsToWords(replacer: Replacer, words: readonly Word[]): Word[] {
  const text = words.map(({ word }) => word).join('');
  const edits = replacer.edits(text);
  if (edits.length === 0) return [...words];
  const replaced: Word[] = [];
  let group: Word[] = [];
  /** White space before the next word. */
  let space = '';
  let from = 0;
  let end = 0;
  /** The first edit that ends after `from`. */
  let first = 0;
  for (const word of words) {
    group.push(word);
    end += word.word.length;
    // Hours of audio have thousands of edits: compare each word with the nearby ones only.
    while ((edits[first]?.end ?? Infinity) <= from) first += 1;
    let behind = first;
    while ((edits[behind]?.start ?? Infinity) < end) behind += 1;
    const near = edits.slice(first, behind);
    const isCut = near.some(({ matchStart, matchEnd }) => matchStart < end && matchEnd > end);
    if (isCut) continue;
    const now = space + applyEdits(text, near, from, end);
    space = now.trim() === '' ? now : '';
    if (space === '' && now !== '') replaced.push({ ...together(group), word: now });
    group = [];
    from = end;
  }
  const last = replaced.pop();
  if (last !== undefined) replaced.push({ ...last, word: last.word + space });
  else if (space !== '') replaced.push({ ...together(words), word: space });
  return replaced;
}

function together(words: readonly Word[]): Omit<Word, 'word'> {
  const sum = words.reduce((all, { probability }) => all + probability, 0);
  return {
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    probability: sum / Math.max(1, words.length),
  };
}

interface TextWithWords {
  readonly text: string;
  readonly words: readonly Word[];
}

export type ReplaceInText = (original: TextWithWords) => { text: string; words: Word[]; isChanged: boolean };

/** Applies replacements to a text and its timed words. */
export function applyReplacementsWithWords(
  replacer: Replacer,
  { text, words }: TextWithWords,
): ReturnType<ReplaceInText> {
  const replaced = applyReplacements(replacer, text);
  if (replaced === text) return { text, words: [...words], isChanged: false };
  return { text: replaced, words: applyReplacementsToWords(replacer, words), isChanged: true };
}

/** The tokens stay the model's. Replacements do not reach across segments. */
export function applyReplacementsToSegment(replacer: Replacer, segment: Segment): Segment {
  if (segment.words === undefined) return { ...segment, text: applyReplacements(replacer, segment.text) };
  const words = applyReplacementsToWords(replacer, segment.words);
  return { ...segment, words, text: words.map(({ word }) => word).join('') };
}

export function applyReplacementsToEvent(replacer: Replacer, event: TranscribeEvent): TranscribeEvent {
  if (replacer.isEmpty) return event;
  if (event.type === 'segment')
    return { ...event, segment: applyReplacementsToSegment(replacer, event.segment) };
  return event.type === 'text' ? { ...event, text: applyReplacements(replacer, event.text) } : event;
}

export interface DisplayText {
  readonly committed: string;
  readonly tentative: string;
}

/**
 * Applies replacements to text that is still growing. Committed text is never taken back here either: its last
 * words, which the next ones may turn into part of a phrase, are shown as tentative.
 */
export function applyReplacementsLive(
  replacer: Replacer,
  { committed, tentative }: DisplayText,
): DisplayText {
  if (replacer.isEmpty) return { committed, tentative };
  const all = committed + tentative;
  const edits = replacer.edits(all);
  // Before the white space, because a line break removes it.
  let stableEnd = unitsOf(committed).at(-1 - replacer.longest - EDIT_CONTEXT_UNITS)?.end ?? 0;
  for (const edit of [...edits].reverse()) {
    if (edit.start < stableEnd && edit.end > stableEnd) stableEnd = edit.start;
  }
  return { committed: applyEdits(all, edits, 0, stableEnd), tentative: applyEdits(all, edits, stableEnd) };
}
