/** A window's text in segments, for windows that were decoded without timestamps: by the times of their words. */
import { endsSentence, isPunctuation } from '../words/split-words.js';

/** A word, or the marks behind it, with when it is said. */
export interface TimedText {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Behind the mark that ends a sentence so much silence ends a segment. */
const SENTENCE_PAUSE_SECONDS = 0.15;
/** Whoever makes no pause between sentences gets segments of so much at least. */
const MIN_UNPAUSED_SECONDS = 6;
/** So much silence ends one without a mark. */
const LONG_PAUSE_SECONDS = 1.2;
/** Longer ones are parted at their longest pause. */
const MAX_SECONDS = 12;
/** Words beside a place where a long one may be parted. */
const MIN_WORDS = 3;

/** Groups words into segments. Marks stay with the word before them. @param words in order, times in the file */
export function splitSentences<T extends TimedText>(words: readonly T[]): T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  for (const [i, word] of words.entries()) {
    group.push(word);
    const next = words[i + 1];
    if (next === undefined) break;
    if (isPunctuation(next.text)) continue;
    const pause = next.start - word.end;
    const seconds = word.end - (group[0]?.start ?? 0);
    const marked = isMarked(group) && !(pause < LONG_PAUSE_SECONDS && isTitle(group));
    if (
      pause >= LONG_PAUSE_SECONDS ||
      (marked && (pause >= SENTENCE_PAUSE_SECONDS || seconds >= MIN_UNPAUSED_SECONDS))
    ) {
      groups.push(group);
      group = [];
    }
  }
  if (group.length > 0) groups.push(group);
  return groups.flatMap(splitLong);
}

/** Whether a group ends with a sentence's end, or with that and the quotation mark behind it. */
function isMarked(group: readonly TimedText[]): boolean {
  const last = group.findLast(({ text }) => !/^["'”’»)\]]+$/u.test(text));
  return (
    last !== undefined && /[.。!！?？]$/u.test(last.text) && (endsSentence(last.text) || last.text.length > 1)
  );
}

/** "Mr." and its like: a name follows. */
function isTitle(group: readonly TimedText[]): boolean {
  return (
    /(^|\s)(Mr|Mrs|Ms|Dr|St|Prof|Sr|Sra|Hr|Fr|Mme|M|[A-Z])$/u.test(group.at(-2)?.text ?? '') &&
    group.at(-1)?.text === '.'
  );
}

function splitLong<T extends TimedText>(group: readonly T[]): T[][] {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (last.end - first.start <= MAX_SECONDS) return [[...group]];
  let [at, longestPause] = [0, -Infinity];
  for (let i = MIN_WORDS; i <= group.length - MIN_WORDS; i++) {
    const [before, after] = [group[i - 1], group[i]];
    if (before === undefined || after === undefined || isPunctuation(after.text)) continue;
    // A comma is worth as much as a short pause; of equals the one in the middle.
    const middle = 1 - Math.abs(2 * i - group.length) / group.length;
    const pause = after.start - before.end + (isPunctuation(before.text) ? 0.3 : 0) + 0.1 * middle;
    if (pause > longestPause) [at, longestPause] = [i, pause];
  }
  if (at === 0) return [[...group]];
  return [...splitLong(group.slice(0, at)), ...splitLong(group.slice(at))];
}
