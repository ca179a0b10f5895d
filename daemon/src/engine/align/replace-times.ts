/** The times of aligned words in the segments of a recognizer. */
import type { AlignedWord } from '#daemon/protocol/aligned-text.js';
import type { Segment, Word } from '#daemon/protocol/transcription.js';
import { toCentiseconds } from '../../models/centiseconds.js';

/** The words of a segment; those of its text, without times of their own, if the recognizer has no word times. */
export function wordsOf({ words, text, start, end, confidence = 0 }: Segment): readonly Word[] {
  if (words !== undefined && words.length > 0) return words;
  return (text.match(/\s*\S+/g) ?? []).map((word) => ({ word, start, end, probability: confidence }));
}

export interface ReplacedTimes {
  readonly segments: readonly Segment[];
  readonly aligned: number;
  /** Words that keep the times of the recognizer. */
  readonly kept: number;
}

/**
 * Gives the words of consecutive segments the times of their alignment. A word that the aligner has no letters for keeps those
 * of the recognizer, within the words around it.
 *
 * @param aligned one for each of the segments' `wordsOf`, in seconds from `start`
 */
export function replaceTimes(
  segments: readonly Segment[],
  aligned: readonly AlignedWord[],
  start: number,
): ReplacedTimes {
  const known = aligned.map(({ confidence }) => confidence !== undefined);
  const all = segments.flatMap((segment) => {
    const hasTimes = segment.words !== undefined && segment.words.length > 0;
    return wordsOf(segment).map((word) => ({ word, hasTimes }));
  });
  let last = start;
  const timed = all.map(({ word, hasTimes }, i): Word => {
    const found = aligned[i];
    if (found === undefined) return word;
    const next = aligned.findIndex((_, other) => other > i && known[other] === true);
    const limit = start + (aligned[next]?.start ?? Infinity);
    const isOwn = known[i] === true || !hasTimes;
    const from = isOwn ? start + found.start : word.start;
    const to = isOwn ? start + found.end : word.end;
    const begin = Math.min(Math.max(from, last), limit);
    last = Math.min(Math.max(to, begin), Math.max(limit, begin));
    return { ...word, start: toCentiseconds(begin), end: toCentiseconds(last) };
  });
  let at = 0;
  const replaced = segments.map((segment): Segment => {
    const words = timed.slice(at, (at += wordsOf(segment).length));
    const [first, final] = [words[0], words.at(-1)];
    return first === undefined || final === undefined
      ? segment
      : { ...segment, start: first.start, end: final.end, words };
  });
  const count = known.filter(Boolean).length;
  return { segments: replaced, aligned: count, kept: all.length - count };
}
