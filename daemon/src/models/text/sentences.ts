/** Splits text into segments that end with sentences or in pauses, by the times of its words. */
import { endsSentence, isPunctuation } from './punctuation.js';

/** A word or punctuation with its times. */
interface TimedFragment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Silence after a sentence end that ends a segment. */
const SENTENCE_PAUSE_SECONDS = 0.15;
/** Minimum length of a segment that ends at a sentence end without a pause. */
const MIN_UNPAUSED_SECONDS = 6;
/** Silence that ends a segment without punctuation. */
const LONG_PAUSE_SECONDS = 1.2;
/** Longer segments are split at their longest pause. */
const MAX_SECONDS = 12;
/** Minimum words on each side of such a split. */
const MIN_WORDS = 3;

/** Groups words into segments; punctuation stays with the word before it. @param words in order, with times of the file */
export function splitSentences<T extends TimedFragment>(words: readonly T[]): T[][] {
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

/** Whether a group ends a sentence, ignoring closing quotation marks. */
function isMarked(group: readonly TimedFragment[]): boolean {
  const last = group.findLast(({ text }) => !/^["'”’»)\]]+$/u.test(text));
  return (
    last !== undefined && /[.。!！?？]$/u.test(last.text) && (endsSentence(last.text) || last.text.length > 1)
  );
}

/** "Mr." and similar: a name follows. */
function isTitle(group: readonly TimedFragment[]): boolean {
  return (
    /(^|\s)(Mr|Mrs|Ms|Dr|St|Prof|Sr|Sra|Hr|Fr|Mme|M|[A-Z])$/u.test(group.at(-2)?.text ?? '') &&
    group.at(-1)?.text === '.'
  );
}

function splitLong<T extends TimedFragment>(group: readonly T[]): T[][] {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return [];
  if (last.end - first.start <= MAX_SECONDS) return [[...group]];
  let [at, longestPause] = [0, -Infinity];
  for (let i = MIN_WORDS; i <= group.length - MIN_WORDS; i++) {
    const [before, after] = [group[i - 1], group[i]];
    if (before === undefined || after === undefined || isPunctuation(after.text)) continue;
    // A comma counts as a short pause; ties go to the middle.
    const middle = 1 - Math.abs(2 * i - group.length) / group.length;
    const pause = after.start - before.end + (isPunctuation(before.text) ? 0.3 : 0) + 0.1 * middle;
    if (pause > longestPause) [at, longestPause] = [i, pause];
  }
  if (at === 0) return [[...group]];
  return [...splitLong(group.slice(0, at)), ...splitLong(group.slice(at))];
}
