/** Cuts a decoded window into segments and finds the start of the next window. */
import { FRAMES_PER_SECOND } from '#daemon/audio/mel/mel.js';

import { toCentiseconds } from '../../centiseconds.js';
import type { DecodeResult } from './decode.js';
import { SECONDS_PER_TIMESTAMP, type WhisperTokenizer } from '../tokenizer.js';
import type { WhisperSegment } from '../whisper-options.js';

/** A timestamp counts encoder frames of 20 ms, a window mel frames of 10 ms. */
const FRAMES_PER_TIMESTAMP = SECONDS_PER_TIMESTAMP * FRAMES_PER_SECOND;

export interface Cut {
  readonly segments: WhisperSegment[];
  /** Mel frames completed: the next window starts after them. */
  readonly frames: number;
}

/**
 * Cuts the tokens of a window at each pair of timestamps, where one segment ends and the next one starts. Tokens after the
 * last pair are unfinished and left to the next window, unless the window ends with a single timestamp: then no speech
 * follows and the window is complete. Segments without text or duration are dropped.
 *
 * @param offsetSeconds start of the window
 * @param windowFrames mel frames of audio in the window
 * @param tokenLogprobs whether segments carry the log-probability and the bytes of each token
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

  const segments: WhisperSegment[] = [];
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
      confidence: Math.exp(avgLogprob),
      details: { whisper: { avgLogprob, noSpeechProb, compressionRatio, temperature } },
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
