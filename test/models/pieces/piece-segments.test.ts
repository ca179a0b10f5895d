/** Words, sentences and times of the tokens of a piece. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TimedToken } from '#daemon/models/pieces/piece-decoder.js';
import { placeTokens, segmentsOf } from '#daemon/models/pieces/piece-segments.js';
import { groupWords, wordsOf } from '#daemon/models/pieces/piece-words.js';
import { spreadTimes } from '#daemon/models/pieces/spread-times.js';

const OPTIONS = { isSpaced: true, splitsSentences: true, wordTimestamps: true, tokenLogprobs: false };

/** Tokens of half a second each. */
function tokensOf(...texts: string[]): TimedToken[] {
  return texts.map((text, id) => ({ id, text, probability: 0.5, start: id / 2, end: (id + 1) / 2 }));
}

describe('words', () => {
  test('begin with a space and hold their punctuation', () => {
    const tokens = tokensOf(' Do', 'n', '’t', ' stop', ',', ' please', '.');
    expect(groupWords(tokens, true).map((word) => word.map(({ id }) => id))).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(wordsOf(tokens, true)).toEqual([
      { word: ' Don’t', start: 0, end: 1.5, probability: 0.5 },
      { word: ' stop,', start: 1.5, end: 2, probability: 0.5 },
      { word: ' please.', start: 2.5, end: 3, probability: 0.5 },
    ]);
  });

  test('without spaces each character is one, also if it is of several tokens', () => {
    expect(wordsOf(tokensOf('你', '', '', '好'), false).map(({ word }) => word)).toEqual(['你', '好']);
  });
});

describe('segments', () => {
  const texts = (tokens: TimedToken[]): string[] => segmentsOf(tokens, OPTIONS).map(({ text }) => text);

  test('end at a sentence end that a pause follows, not at a title', () => {
    const tokens = tokensOf(' Dr', '.', ' Who', ' left', '.', ' He', ' ran', '.');
    const paused = tokens.map((token) =>
      token.id < 5 ? token : { ...token, start: token.start + 0.5, end: token.end + 0.5 },
    );
    expect(texts(paused)).toEqual([' Dr. Who left.', ' He ran.']);
  });

  test('hold no text that is only spaces', () => {
    expect(texts(tokensOf(' ', ' '))).toEqual([]);
    expect(texts([])).toEqual([]);
  });

  test('hold tokens without text beside text, and alone if it is wanted', () => {
    const [silent, spoken] = [tokensOf('', ''), tokensOf(' a', '.', '', '')];
    expect(segmentsOf(spoken, OPTIONS).map(({ tokens }) => tokens)).toEqual([[0, 1, 2, 3]]);
    expect(segmentsOf(silent, OPTIONS)).toEqual([]);
    const [kept] = segmentsOf(silent, { ...OPTIONS, keepsTextless: true });
    expect(kept).toMatchObject({ text: '', tokens: [0, 1] });
  });

  test('hold all tokens in order, whatever they are', () => {
    const token = fc.record({
      id: fc.nat(100),
      text: fc.constantFrom(' a', '', ' ', 'b', '.', ',', ' c', '?', ' Mr', ' ”', '-'),
      probability: fc.double({ min: 0, max: 1, noNaN: true }),
      start: fc.double({ min: -1, max: 40, noNaN: true }),
      end: fc.double({ min: -1, max: 40, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => {
        const piece = { start: 8000, samples: new Float32Array(30 * 16_000) };
        const placed = placeTokens(tokens, piece, true);
        const segments = segmentsOf(placed, { ...OPTIONS, keepsTextless: true });
        expect(segments.flatMap(({ tokens: ids = [] }) => ids)).toEqual(tokens.map(({ id }) => id));
        for (const [i, { start, end, confidence = NaN, words = [], text }] of segments.entries()) {
          expect(start).toBeGreaterThanOrEqual(segments[i - 1]?.start ?? 0.5);
          expect(end).toBeGreaterThanOrEqual(start);
          expect(end).toBeLessThanOrEqual(30.5);
          expect(Number.isFinite(confidence)).toBe(true);
          expect(words.map(({ word }) => word).join('')).toBe(text);
        }
      }),
    );
  });
});

describe('spread times', () => {
  test('lie in speech, in order, by the lengths of the texts', () => {
    const spoken = [
      { start: 1, end: 2 },
      { start: 5, end: 7 },
    ];
    const tokens = [' abcde', ' abcde', ' abcde'].map((text, id) => ({ id, text, probability: 1 }));
    const spread = spreadTimes(tokens, { samples: new Float32Array(160_000), spoken });
    expect(spread.map(({ start, end }) => [start, end])).toEqual([
      [1, 2],
      [5, 6],
      [6, 7],
    ]);
  });

  test('cover a piece whose speech is unknown', () => {
    const tokens = [' ab', ' ab'].map((text, id) => ({ id, text, probability: 1 }));
    const piece = { samples: new Float32Array(64_000), spoken: undefined };
    expect(spreadTimes(tokens, piece).map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [2, 4],
    ]);
  });
});
