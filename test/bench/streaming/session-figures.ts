/** Figures of a streaming session on one clip, in simulated time; the same for all contenders. */
import { Rewrites } from './rewrites.js';
import { matched, units } from '../words.js';

/** A reference word and its end in seconds. */
export type WordEnd = readonly [word: string, end: number];

/** A text update. */
export interface TextUpdate {
  /** Simulated time in seconds, including compute time. */
  readonly at: number;
  /** Text committed since the previous update. */
  readonly committed: string;
  readonly tentative: string;
}

/** Result for a clip. */
export interface Session {
  readonly clip: string;
  readonly text: string;
  /** Seconds from the end of each word to its commit. */
  readonly delays: readonly number[];
  /** Seconds from the end of the first word to the first text. */
  readonly firstText: number | undefined;
  /** Number of words that were shown and then replaced. */
  readonly rewritten: number;
  readonly words: number;
  readonly audioSeconds: number;
  readonly computeSeconds: number;
  readonly cpuSeconds: number;
  /** Seconds from the last sample to the final text. */
  readonly finalSeconds: number;
  /** Encoded frames; undefined if unknown. */
  readonly encodedFrames: number | undefined;
  /** The text after a decode of the whole clip, if it is better, and the seconds from the last sample to it. */
  readonly refined?: { readonly text: string; readonly seconds: number };
}

interface SessionInput extends Pick<
  Session,
  'clip' | 'audioSeconds' | 'computeSeconds' | 'cpuSeconds' | 'encodedFrames'
> {
  readonly updates: readonly TextUpdate[];
  readonly language: string;
  readonly truth: readonly WordEnd[];
}

export function sessionOf({ updates, language, truth, ...rest }: SessionInput): Session {
  const rewrites = new Rewrites();
  for (const { committed, tentative } of updates) rewrites.show([committed], [tentative]);
  const committedWords = updates.flatMap(({ committed, at }) =>
    wordsOf(committed).map((word) => [word, at] as const),
  );
  const wanted = units(truth, language);
  const delays: number[] = [];
  for (const [i, at] of matched(wanted, units(committedWords, language))) {
    const end = wanted[i]?.[1];
    if (end !== undefined) delays.push(at - end);
  }
  const first = updates.find(({ committed, tentative }) => `${committed}${tentative}`.trim() !== '');
  const firstEnd = truth[0]?.[1];
  return {
    ...rest,
    text: updates.map(({ committed }) => committed).join(''),
    delays,
    firstText: first === undefined || firstEnd === undefined ? undefined : first.at - firstEnd,
    rewritten: rewrites.count,
    words: committedWords.length,
    finalSeconds: (updates.at(-1)?.at ?? rest.audioSeconds) - rest.audioSeconds,
  };
}

/** Splits text at spaces; characters of scripts without spaces are counted later. */
function wordsOf(text: string): string[] {
  return text.split(/(?=\s)/).filter((word) => word.trim() !== '');
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}
