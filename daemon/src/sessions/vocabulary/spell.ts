/** Words, segments and what is on a screen, with the replacements of a vocabulary. */
import type { Segment, TranscribeEvent, Word } from '../../protocol/transcription.js';
import { written } from './edits.js';
import type { Replacer } from './replacer.js';
import { unitsOf } from './units.js';

/** Behind the longest phrase: where what stands around an edit may reach. */
const MARGIN_UNITS = 2;

export function spellText(replacer: Replacer, text: string): string {
  return written(text, replacer.edits(text));
}

/**
 * Times stay those of what was heard: words that were replaced together become one, from the beginning of the first to the
 * end of the last, however many are written there; one of which nothing is left is gone, and a line break belongs to the word
 * behind it. Joined, they are still the text.
 */
export function spellWords(replacer: Replacer, words: readonly Word[]): Word[] {
  const text = words.map(({ word }) => word).join('');
  const edits = replacer.edits(text);
  if (edits.length === 0) return [...words];
  const spelled: Word[] = [];
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
    const isCut = near.some(({ heardStart, heardEnd }) => heardStart < end && heardEnd > end);
    if (isCut) continue;
    const now = space + written(text, near, from, end);
    space = now.trim() === '' ? now : '';
    if (space === '' && now !== '') spelled.push({ ...together(group), word: now });
    group = [];
    from = end;
  }
  const last = spelled.pop();
  if (last !== undefined) spelled.push({ ...last, word: last.word + space });
  else if (space !== '') spelled.push({ ...together(words), word: space });
  return spelled;
}

function together(words: readonly Word[]): Omit<Word, 'word'> {
  const sum = words.reduce((all, { probability }) => all + probability, 0);
  return {
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    probability: sum / Math.max(1, words.length),
  };
}

export interface Spoken {
  readonly text: string;
  readonly words: readonly Word[];
}

export type Spell = (spoken: Spoken) => { text: string; words: Word[]; isChanged: boolean };

/** A text with the times of its words. */
export function spellSpoken(replacer: Replacer, { text, words }: Spoken): ReturnType<Spell> {
  const spelled = spellText(replacer, text);
  if (spelled === text) return { text, words: [...words], isChanged: false };
  return { text: spelled, words: spellWords(replacer, words), isChanged: true };
}

/** Its tokens stay those that the model said. What is replaced does not reach from one segment into the next. */
export function spellSegment(replacer: Replacer, segment: Segment): Segment {
  if (segment.words === undefined) return { ...segment, text: spellText(replacer, segment.text) };
  const words = spellWords(replacer, segment.words);
  return { ...segment, words, text: words.map(({ word }) => word).join('') };
}

export function spellEvent(replacer: Replacer, event: TranscribeEvent): TranscribeEvent {
  if (replacer.isEmpty) return event;
  if (event.type === 'segment') return { ...event, segment: spellSegment(replacer, event.segment) };
  return event.type === 'text' ? { ...event, text: spellText(replacer, event.text) } : event;
}

export interface Shown {
  readonly committed: string;
  readonly tentative: string;
}

/**
 * What a screen shows of a text that is still growing. Here too what is committed is never taken back: its last words, which
 * what is said next may still make part of a phrase, are shown with the tentative ones.
 */
export function spellShown(replacer: Replacer, { committed, tentative }: Shown): Shown {
  if (replacer.isEmpty) return { committed, tentative };
  const all = committed + tentative;
  const edits = replacer.edits(all);
  // In front of white space: a line break takes it away.
  let sure = unitsOf(committed).at(-1 - replacer.longest - MARGIN_UNITS)?.end ?? 0;
  for (const edit of [...edits].reverse()) {
    if (edit.start < sure && edit.end > sure) sure = edit.start;
  }
  return { committed: written(all, edits, 0, sure), tentative: written(all, edits, sure) };
}
