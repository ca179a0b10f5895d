/** Turns the tokens of a piece into segments with times of the file. */
import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import type { Segment } from '#daemon/protocol/transcription.js';

import { isMark } from '../streaming/hypothesis.js';
import { splitSentences } from '../text/sentences.js';
import type { SpeechPiece, TimedToken } from './piece-decoder.js';
import { groupWords, wordsOf } from './piece-words.js';

export interface SegmentOptions {
  /** Whether spaces separate words. */
  readonly isSpaced: boolean;
  /** Whether tokens that have no text make a segment if the piece has no others. */
  readonly keepsTextless?: boolean;
  /** Whether segments end at sentences; otherwise the piece is one segment. */
  readonly splitsSentences: boolean;
  readonly wordTimestamps: boolean;
  readonly tokenLogprobs: boolean;
}

/**
 * The tokens with times of the file: in order, and within the piece. In a language with spaces the first one has one, so
 * that the texts of pieces may be joined.
 */
export function placeTokens(
  tokens: readonly TimedToken[],
  { start, samples }: Pick<SpeechPiece, 'start' | 'samples'>,
  isSpaced: boolean,
): TimedToken[] {
  const offset = start / SAMPLE_RATE;
  const last = offset + samples.length / SAMPLE_RATE;
  let previous = offset;
  return tokens.map((token, i) => {
    const begin = Math.min(last, Math.max(previous, offset + token.start));
    const end = Math.min(last, Math.max(begin, offset + token.end));
    previous = begin;
    const text = i === 0 && isSpaced && !/^\s/.test(token.text) ? ` ${token.text}` : token.text;
    return { ...token, text, start: begin, end };
  });
}

/** @param tokens of one piece, with times of the file */
export function segmentsOf(tokens: readonly TimedToken[], options: SegmentOptions): Segment[] {
  const { isSpaced, splitsSentences, keepsTextless = false } = options;
  const groups = splitsSentences ? sentencesOf(tokens, isSpaced) : [[...tokens]];
  return withoutTextless(groups, keepsTextless).map((group) => segmentOf(group, textOf(group), options));
}

/** Geometric mean of the probabilities; 1 without tokens. */
export function meanProbability(tokens: readonly TimedToken[]): number {
  const sum = tokens.reduce((total, { probability }) => total + logprobOf(probability), 0);
  return Math.exp(sum / Math.max(1, tokens.length));
}

function segmentOf(
  tokens: readonly TimedToken[],
  text: string,
  { isSpaced, wordTimestamps, tokenLogprobs }: SegmentOptions,
): Segment {
  const words = wordsOf(tokens, isSpaced);
  return {
    start: words[0]?.start ?? 0,
    end: words.at(-1)?.end ?? 0,
    text,
    tokens: tokens.map(({ id }) => id),
    confidence: meanProbability(tokens),
    ...(wordTimestamps && { words }),
    ...(tokenLogprobs && {
      tokenLogprobs: tokens.map(({ probability }) => logprobOf(probability)),
      tokenBytes: tokens.map((token) => Buffer.from(token.text).toString('base64')),
    }),
  };
}

/** The groups that have text; the tokens of the others belong to the group before them, or to the first one. */
function withoutTextless(groups: readonly TimedToken[][], keepsTextless: boolean): TimedToken[][] {
  const kept: TimedToken[][] = [];
  let leading: TimedToken[] = [];
  for (const group of groups) {
    const last = kept.at(-1);
    if (textOf(group).trim() !== '') {
      kept.push([...leading, ...group]);
      leading = [];
    } else if (last) last.push(...group);
    else leading = [...leading, ...group];
  }
  return keepsTextless && leading.length > 0 ? [leading] : kept;
}

function sentencesOf(tokens: readonly TimedToken[], isSpaced: boolean): TimedToken[][] {
  const fragments = groupWords(tokens, isSpaced).flatMap((word) => {
    // Punctuation at the end of a word is a fragment of its own, which tells "Mr." from the end of a sentence.
    let end = word.length;
    while (end > 1 && isMark(word[end - 1]?.text ?? '')) end--;
    return [word.slice(0, end), ...word.slice(end).map((mark) => [mark])].map(fragmentOf);
  });
  return splitSentences(fragments).map((group) => group.flatMap((fragment) => fragment.tokens));
}

function fragmentOf(tokens: readonly TimedToken[]): {
  text: string;
  start: number;
  end: number;
  tokens: readonly TimedToken[];
} {
  return { text: textOf(tokens), start: tokens[0]?.start ?? 0, end: tokens.at(-1)?.end ?? 0, tokens };
}

function textOf(tokens: readonly TimedToken[]): string {
  return tokens.map(({ text }) => text).join('');
}

/** Finite, so that JSON can hold it. */
function logprobOf(probability: number): number {
  return Math.log(Math.max(Number.MIN_VALUE, probability));
}
