/** One clip spoken to somebody who writes it down: what was there when, by the clock of the audio. The same for all. */
import { Rewrites } from './streaming-rewrites.js';
import { matched, units } from './words.js';

/** A word and when it ends, in seconds: what the words are held against. */
export type WordEnd = readonly [word: string, end: number];

/** Text that came at some moment. */
export interface TextUpdate {
  /** Seconds on the clock of the audio when it was there, the computing included. */
  readonly at: number;
  /** Said for good since the one before. */
  readonly committed: string;
  readonly tentative: string;
}

/** What came of a clip, by whomever. */
export interface Session {
  readonly clip: string;
  readonly text: string;
  /** Seconds from the end of each word until it was committed. */
  readonly delays: readonly number[];
  /** Seconds from the end of the first word until any text was there. */
  readonly firstText: number | undefined;
  /** Words shown and then replaced. */
  readonly rewritten: number;
  readonly words: number;
  readonly audioSeconds: number;
  readonly computeSeconds: number;
  readonly cpuSeconds: number;
  /** From the last sample to the last text. */
  readonly finalSeconds: number;
  /** Frames that went through an encoder; undefined where nobody knows. */
  readonly encodedFrames: number | undefined;
  /** The text of one more decode of the whole, where that is better, and from the last sample to it. */
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

/** With what is written without spaces left whole: its characters are counted later. */
function wordsOf(text: string): string[] {
  return text.split(/(?=\s)/).filter((word) => word.trim() !== '');
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? NaN;
}
