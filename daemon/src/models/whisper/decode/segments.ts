/** Segments out of a decoded window, and how far the next window is from it. */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';
import type { Segment } from '#daemon/protocol/transcription.js';

import type { DecodeResult } from './decode.js';
import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';

/** A timestamp counts encoder frames of 20 ms, a window mel frames of 10 ms. */
const FRAMES_PER_TIMESTAMP = SECONDS_PER_TIMESTAMP * FRAMES_PER_SECOND;

export interface Cut {
  readonly segments: Segment[];
  /** Mel frames that are done with: the next window begins behind them. */
  readonly frames: number;
}

/**
 * Cuts the tokens of a window at each pair of timestamps, which is where one segment ends and the next one begins.
 * What follows the last pair is unfinished and is left to the next window, unless the window closes with a single
 * timestamp: then nobody speaks behind it and the whole window is done. Segments without text or length are dropped.
 *
 * @param offsetSeconds where the window begins
 * @param windowFrames frames of it that are audio
 * @param tokenLogprobs whether segments tell how probable each of their tokens is, and its bytes
 */
export function cutSegments(
  result: DecodeResult,
  tokenizer: WhisperTokenizer,
  offsetSeconds: number,
  windowFrames: number,
  { tokenLogprobs = false }: { readonly tokenLogprobs?: boolean } = {},
): Cut {
  const { tokens } = result;
  const { timestampBegin, endOfText } = tokenizer.special;
  const isStamp = (token: number | undefined): boolean => token !== undefined && token >= timestampBegin;
  const stampOf = (token: number | undefined): number => (token ?? timestampBegin) - timestampBegin;

  const segments: Segment[] = [];
  const add = (from: number, to: number, start: number, end: number): void => {
    const part = tokens.slice(from, to);
    const text = tokenizer.decode(part.filter((token) => token < endOfText));
    if (end <= start || text.trim() === '') return;
    const { avgLogprob, noSpeechProb, compressionRatio, temperature } = result;
    segments.push({
      start: toCentiseconds(start),
      end: toCentiseconds(end),
      text,
      tokens: part,
      avgLogprob,
      noSpeechProb,
      compressionRatio,
      temperature,
      ...(tokenLogprobs && {
        tokenLogprobs: result.logprobs.slice(from, to),
        tokenBytes: part.map((token) => tokenizer.textBytes(token).toString('base64')),
      }),
    });
  };

  const singleEnding = isStamp(tokens.at(-1)) && !isStamp(tokens.at(-2));
  const pairs = tokens.flatMap((token, i) => (i > 0 && isStamp(token) && isStamp(tokens[i - 1]) ? [i] : []));
  if (pairs.length === 0) {
    const last = stampOf(tokens.findLast(isStamp));
    const seconds = last > 0 ? last * SECONDS_PER_TIMESTAMP : windowFrames / FRAMES_PER_SECOND;
    add(0, tokens.length, offsetSeconds, offsetSeconds + seconds);
    return { segments, frames: windowFrames };
  }

  let begin = 0;
  for (const end of singleEnding ? [...pairs, tokens.length] : pairs) {
    const [start, stop] = [tokens[begin], tokens[end - 1]].map(
      (token) => offsetSeconds + stampOf(token) * SECONDS_PER_TIMESTAMP,
    );
    add(begin, end, start ?? offsetSeconds, stop ?? offsetSeconds);
    begin = end;
  }
  const frames = singleEnding ? windowFrames : stampOf(tokens[begin - 1]) * FRAMES_PER_TIMESTAMP;
  return { segments, frames };
}

/** All times are whole hundredths of a second; sums of them in binary are not quite. */
export function toCentiseconds(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
