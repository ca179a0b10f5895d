/** Words, segments and what is on a screen, with the replacements of a vocabulary. */
import type { Segment, TranscribeEvent, Word } from '../../protocol/transcription.js';
import { applyEdits } from './edits.js';
import type { Replacer } from './replacer.js';
import { unitsOf } from './units.js';

/** Behind the longest phrase: where what stands around an edit may reach. */
const EDIT_CONTEXT_UNITS = 2;

export function applyReplacements(replacer: Replacer, text: string): string {
  return applyEdits(text, replacer.edits(text));
}

/**
 * Times stay those of what was heard: words that were replaced together become one, from the beginning of the first to the
 * end of the last, however many are written there; one of which nothing is left is gone, and a line break belongs to the word
 * behind it. Joined, they are still the text.
 */
export function applyReplacementsToWords(replacer: Replacer, words: readonly Word[]): Word[] {
  const text = words.map(({ word }) => word).join('');
  const edits = replacer.edits(text);
  if (edits.length === 0) return [...words];
  const replaced: Word[] = [];
  let group: Word[] = [];
  /** White space that no word is in front of yet. */
  let space = '';
  let from = 0;
  let end = 0;
  /** The first edit that reaches behind `from`. */
  let first = 0;
  for (const word of words) {
    group.push(word);
    end += word.word.length;
    // Of hours there are thousands of edits: each word is compared with the ones around it.
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

/** A text with the times of its words. */
export function applyReplacementsWithWords(
  replacer: Replacer,
  { text, words }: TextWithWords,
): ReturnType<ReplaceInText> {
  const replaced = applyReplacements(replacer, text);
  if (replaced === text) return { text, words: [...words], isChanged: false };
  return { text: replaced, words: applyReplacementsToWords(replacer, words), isChanged: true };
}

/** Its tokens stay those that the model said. What is replaced does not reach from one segment into the next. */
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
 * What a screen shows of a text that is still growing. Here too what is committed is never taken back: its last words, which
 * what is said next may still make part of a phrase, are shown with the tentative ones.
 */
export function applyReplacementsLive(
  replacer: Replacer,
  { committed, tentative }: DisplayText,
): DisplayText {
  if (replacer.isEmpty) return { committed, tentative };
  const all = committed + tentative;
  const edits = replacer.edits(all);
  // In front of white space: a line break takes it away.
  let stableEnd = unitsOf(committed).at(-1 - replacer.longest - EDIT_CONTEXT_UNITS)?.end ?? 0;
  for (const edit of [...edits].reverse()) {
    if (edit.start < stableEnd && edit.end > stableEnd) stableEnd = edit.start;
  }
  return { committed: applyEdits(all, edits, 0, stableEnd), tentative: applyEdits(all, edits, stableEnd) };
}
