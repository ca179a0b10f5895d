import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { compressionRatio, type DecodeResult } from '#daemon/models/whisper/decode/decode.js';
import {
  isSilentByReference,
  needsFallback,
  REFERENCE_THRESHOLDS,
} from '#daemon/models/whisper/decode/quality.js';
import { cutSegments } from '#daemon/models/whisper/decode/segments.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';

let tokenizer: WhisperTokenizer;
beforeAll(async () => {
  tokenizer = await WhisperTokenizer.load({ isMultilingual: true, numLanguages: 99, nVocab: 51_865 });
});
afterAll(() => tokenizer.dispose());

/** Tokens out of words and times: `[0, ' Hello', 1.5, 1.5, ' you']`. */
function tokensOf(parts: (number | string)[]): number[] {
  return parts.flatMap((part) =>
    typeof part === 'string'
      ? tokenizer.encode(part)
      : [tokenizer.special.timestampBegin + Math.round(part / 0.02)],
  );
}

function resultOf(parts: (number | string)[]): DecodeResult {
  const tokens = tokensOf(parts);
  return {
    tokens,
    logprobs: tokens.map(() => -0.2),
    text: tokenizer.decode(tokens).trim(),
    avgLogprob: -0.2,
    noSpeechProb: 0.1,
    compressionRatio: 1.2,
    temperature: 0,
    seconds: 0,
  };
}

function cut(parts: (number | string)[], offsetSeconds = 0, windowFrames = 3000) {
  const { segments, frames } = cutSegments(resultOf(parts), tokenizer, offsetSeconds, windowFrames);
  return { spans: segments.map(({ start, end, text }) => [start, end, text]), frames };
}

describe('cutting a window into segments', () => {
  test('leaves tokens after the last pair of timestamps to the next window', () => {
    expect(cut([0, ' One.', 2.5, 2.5, ' Two.', 5, 5, ' Thr'])).toEqual({
      spans: [
        [0, 2.5, ' One.'],
        [2.5, 5, ' Two.'],
      ],
      frames: 500,
    });
  });

  test('completes the window if it ends with a single timestamp', () => {
    expect(cut([0, ' One.', 2.5, 2.5, ' Two.', 5], 30, 2000)).toEqual({
      spans: [
        [30, 32.5, ' One.'],
        [32.5, 35, ' Two.'],
      ],
      frames: 2000,
    });
  });

  test('makes one segment up to the last timestamp without a pair', () => {
    expect(cut([0, ' One.', 2.5])).toEqual({ spans: [[0, 2.5, ' One.']], frames: 3000 });
  });

  test('makes one segment up to the end of the audio without timestamps', () => {
    expect(cut([' One.'], 30, 712)).toEqual({ spans: [[30, 37.12, ' One.']], frames: 712 });
    expect(cut([0, ' One.'], 30, 712)).toEqual({ spans: [[30, 37.12, ' One.']], frames: 712 });
  });

  test('keeps a gap between two segments', () => {
    expect(cut([0.4, ' One.', 2, 3.2, ' Two.', 5]).spans).toEqual([
      [0.4, 2, ' One.'],
      [3.2, 5, ' Two.'],
    ]);
  });

  test('drops segments without text or duration', () => {
    expect(cut([0, ' ', 2, 2, ' Two.', 2, 3, ' Three.', 4]).spans).toEqual([[3, 4, ' Three.']]);
    expect(cut([]).spans).toEqual([]);
  });

  test('gives times in whole hundredths', () => {
    expect(cut([0.06, ' One.', 2.46], 4.3).spans).toEqual([[4.3, 6.76, ' One.']]);
  });

  test('keeps the tokens, timestamps included', () => {
    const parts = [0, ' One.', 2.5, 2.5, ' Two.', 5];
    const { segments } = cutSegments(resultOf(parts), tokenizer, 0, 3000);
    expect(segments.flatMap(({ tokens }) => tokens)).toEqual(tokensOf(parts));
  });
});

describe('falling back', () => {
  const judged = (compressionRatio: number, avgLogprob: number, noSpeechProb: number) => ({
    compressionRatio,
    avgLogprob,
    noSpeechProb,
  });
  // openai/whisper 20250625, transcribe(): repetition 2.4, mean log probability -1, no speech 0.6.
  test.each([
    ['a sure text', judged(1.5, -0.3, 0.1), false, false],
    ['repetition', judged(2.41, -0.3, 0.1), true, false],
    ['an uncertain text', judged(1.5, -1.01, 0.1), true, false],
    ['a text on the threshold', judged(2.4, -1, 0.6), false, false],
    ['silence', judged(1.5, -1.01, 0.61), false, true],
    ['repetitive silence', judged(3, -1.01, 0.61), false, true],
    ['a certain text over apparent silence', judged(1.5, -0.3, 0.9), false, false],
    ['repetition over apparent silence', judged(3, -0.3, 0.9), true, false],
    ['apparent silence on the threshold of certainty', judged(1.5, -1, 0.9), false, true],
  ])('%s', (_, result, again, silent) => {
    expect(needsFallback(result, REFERENCE_THRESHOLDS)).toBe(again);
    expect(isSilentByReference(result, REFERENCE_THRESHOLDS)).toBe(silent);
  });

  test('does not drop clear speech before every temperature was tried', () => {
    const looping = judged(4.9, -1.1, 0.82); // a loop after 22 s of verse: sonnet1, base in 6 bits
    expect(needsFallback(looping, REFERENCE_THRESHOLDS, { maxProbability: 0.999, seconds: 6.3 })).toBe(true);
    expect(needsFallback(looping, REFERENCE_THRESHOLDS, { maxProbability: 0.999, seconds: 2 })).toBe(false);
    expect(needsFallback(looping, REFERENCE_THRESHOLDS, { maxProbability: 0.9, seconds: 6.3 })).toBe(false);
  });

  test('the compression ratio separates repetition from speech', () => {
    expect(compressionRatio('')).toBe(0);
    expect(
      compressionRatio('And so, my fellow Americans: ask not what your country can do for you.'),
    ).toBeLessThan(1.5);
    expect(compressionRatio('Thank you. '.repeat(30))).toBeGreaterThan(2.4);
  });
});
