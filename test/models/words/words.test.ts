/** Word times without weights: time warping, the median, word splitting and placement. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { alignmentHeads } from '#daemon/models/whisper/words/alignment-heads.js';
import { firstFrames } from '#daemon/models/whisper/words/dtw.js';
import { medianOfSeven } from '#daemon/models/whisper/words/median.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';
import { dropHallucinations } from '#daemon/models/whisper/words/hallucinations.js';
import { isAnomalous, wordAnomaly } from '#daemon/models/whisper/words/word-anomaly.js';
import {
  clipToSpeech,
  placeWords,
  timeWords,
  type TimedWord,
} from '#daemon/models/whisper/words/word-times.js';
import { mergePunctuation, splitCharacters, splitWords } from '#daemon/models/whisper/words/split-words.js';
import type { WhisperSegment } from '#daemon/models/whisper/whisper-options.js';
import { mx } from '#native/index.js';

import { fixture } from '../model-fixtures.js';

/** The cheapest path and its cost, by exhaustive search over predecessors. */
function naiveWarp(gain: readonly (readonly number[])[]): { cost: number; first: number[] } {
  const memo = new Map<string, { cost: number; from: [number, number] | undefined }>();
  const f32 = Math.fround;
  const at = (i: number, j: number): { cost: number; from: [number, number] | undefined } => {
    const key = `${i},${j}`;
    const known = memo.get(key);
    if (known) return known;
    if (i < 0 || j < 0) return { cost: Infinity, from: undefined };
    const own = -(gain[i]?.[j] ?? NaN);
    const [diagonal, up, left] = [at(i - 1, j - 1).cost, at(i - 1, j).cost, at(i, j - 1).cost];
    let made: { cost: number; from: [number, number] | undefined };
    if (i === 0 && j === 0) made = { cost: f32(own), from: undefined };
    else if (diagonal < up && diagonal < left) made = { cost: f32(own + diagonal), from: [i - 1, j - 1] };
    else if (up < diagonal && up < left) made = { cost: f32(own + up), from: [i - 1, j] };
    else made = { cost: f32(own + left), from: [i, j - 1] };
    memo.set(key, made);
    return made;
  };
  const rows = gain.length;
  const frames = gain[0]?.length ?? 0;
  const first = new Array<number>(rows).fill(0);
  for (let cell: [number, number] | undefined = [rows - 1, frames - 1]; cell;) {
    first[cell[0]] = cell[1];
    cell = at(...cell).from;
  }
  return { cost: at(rows - 1, frames - 1).cost, first };
}

const matrices = (value: fc.Arbitrary<number>): fc.Arbitrary<number[][]> =>
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 14 })).chain(([rows, frames]) =>
    fc.array(fc.array(value, { minLength: frames, maxLength: frames }), {
      minLength: rows,
      maxLength: rows,
    }),
  );

describe('time warping', () => {
  test.each([
    ['any numbers', fc.float({ min: -4, max: 4, noNaN: true })],
    ['many ties', fc.integer({ min: -1, max: 1 })],
  ])('goes the way that trying all finds: %s', (_, value) => {
    fc.assert(
      fc.property(matrices(value), (gain) => {
        const frames = gain[0]?.length ?? 0;
        const got = firstFrames(Float32Array.from(gain.flat()), gain.length, frames);
        expect(Array.from(got)).toEqual(naiveWarp(gain).first);
      }),
      { numRuns: 300 },
    );
  });

  test('is monotonic and starts at the first frame', () => {
    fc.assert(
      fc.property(matrices(fc.float({ min: -4, max: 4, noNaN: true })), (gain) => {
        const got = Array.from(
          firstFrames(Float32Array.from(gain.flat()), gain.length, gain[0]?.length ?? 0),
        );
        expect(got[0]).toBe(0);
        expect(got).toEqual(got.toSorted((a, b) => a - b));
      }),
    );
  });

  test('rejects a matrix of another size and accepts NaN', () => {
    expect(() => firstFrames(new Float32Array(5), 2, 3)).toThrow(RangeError);
    expect(() => firstFrames(new Float32Array(0), 0, 0)).toThrow(RangeError);
    expect(firstFrames(new Float32Array(12).fill(NaN), 3, 4)).toHaveLength(3);
  });
});

describe('the median of seven', () => {
  const naive = (row: readonly number[]): number[] => {
    const { length } = row;
    const reflected = (i: number): number => {
      const inside = i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i;
      return row[inside] ?? NaN;
    };
    return row.map(
      (_, i) => [-3, -2, -1, 0, 1, 2, 3].map((by) => reflected(i + by)).toSorted((a, b) => a - b)[3] ?? NaN,
    );
  };

  test('is the middle value, for all rows of all heads', () => {
    fc.assert(
      fc.property(
        fc.tuple(
          fc.integer({ min: 1, max: 3 }),
          fc.integer({ min: 1, max: 3 }),
          fc.integer({ min: 4, max: 20 }),
        ),
        fc.array(
          fc.float({ min: -9, max: 9, noNaN: true }).map((value) => value + 0),
          { minLength: 180, maxLength: 180 },
        ),
        ([heads, rows, frames], numbers) => {
          const x = Float32Array.from(numbers.slice(0, heads * rows * frames));
          const got = mx.tidy(() =>
            Array.from(medianOfSeven(mx.array(x, [heads, rows, frames])).toTypedArray(), Number),
          );
          const want = Array.from({ length: heads * rows }, (_, i) =>
            naive(Array.from(x.subarray(i * frames, (i + 1) * frames))),
          ).flat();
          expect(got).toEqual(want);
        },
      ),
    );
  });

  test('holds for every sequence of zeros and ones, and so for all numbers', () => {
    const rows = Array.from({ length: 128 }, (_, bits) =>
      Array.from({ length: 7 }, (_, i) => (bits >> i) & 1),
    );
    const got = mx.tidy(() =>
      medianOfSeven(mx.array(Float32Array.from(rows.flat()), [128, 7])).toTypedArray(),
    );
    expect(Array.from(got, Number)).toEqual(rows.flatMap(naive));
  });

  test('keeps up to three values unchanged', () => {
    const got = mx.tidy(() => medianOfSeven(mx.array(Float32Array.from([3, 1, 2]), [1, 3])).toTypedArray());
    expect(Array.from(got, Number)).toEqual([3, 1, 2]);
  });
});

describe('alignment heads', () => {
  const shape = { nAudioLayer: 6, nTextLayer: 6, nTextHead: 8, nMels: 80 as const, isMultilingual: true };

  test('are those of the checkpoint', () => {
    expect(alignmentHeads(shape, [[5, 7]])).toEqual([[5, 7]]);
  });

  test('are those of the released model without valid ones in the checkpoint', () => {
    const released = [[3, 1], [4, 2], [4, 3], [4, 7], [5, 1], [5, 2], [5, 4], [5, 6]]; // prettier-ignore
    expect(alignmentHeads(shape)).toEqual(released);
    for (const wrong of [
      [[6, 0]],
      [[0, 8]],
      [
        [1, 1],
        [0.5, 1],
      ],
      [[1]],
      [[1, 2, 3]],
      [[-1, 0]],
    ]) {
      expect(alignmentHeads(shape, wrong)).toEqual(released);
    }
  });

  const released = JSON.parse(readFileSync(fixture('alignment-heads.json'), 'utf8')) as Record<
    string,
    { shape: Parameters<typeof alignmentHeads>[0]; heads: number[][] }
  >;
  // large-v1 has the shape of large-v2 and gets its heads.
  test.each(Object.entries(released).filter(([name]) => name !== 'large-v1'))(
    "are openai-whisper's for %s",
    (_, { shape, heads }) => expect(alignmentHeads(shape)).toEqual(heads),
  );

  test('differ for English-only models, large-v3 and turbo', () => {
    expect(alignmentHeads({ ...shape, isMultilingual: false })).toHaveLength(5);
    const large = { nAudioLayer: 32, nTextLayer: 32, nTextHead: 20, isMultilingual: true };
    expect(alignmentHeads({ ...large, nMels: 80 })).toHaveLength(23);
    expect(alignmentHeads({ ...large, nMels: 128 })[0]).toEqual([7, 0]);
    expect(alignmentHeads({ ...large, nTextLayer: 4, nMels: 128 })).toEqual([
      [2, 4], [2, 11], [3, 3], [3, 6], [3, 11], [3, 14],
    ]); // prettier-ignore
  });

  test('are all of the last half of the layers for an unknown model', () => {
    const distil = {
      nAudioLayer: 32,
      nTextLayer: 2,
      nTextHead: 20,
      nMels: 128 as const,
      isMultilingual: true,
    };
    expect(alignmentHeads(distil)).toEqual(Array.from({ length: 20 }, (_, head) => [1, head]));
  });
});

describe('words from tokens', () => {
  let tokenizer: WhisperTokenizer;
  beforeAll(async () => {
    tokenizer = await WhisperTokenizer.load({ isMultilingual: true, numLanguages: 99, nVocab: 51865 });
  });
  afterAll(() => tokenizer.dispose());

  const wordsOf = (text: string, language: string): string[] =>
    splitWords(tokenizer.encode(text), tokenizer, language).map((word) => word.text);

  test('are split at spaces, with separate punctuation', () => {
    expect(wordsOf(" So, my fellow Americans: it's 1984.", 'en')).toEqual([
      ' So', ',', ' my', ' fellow', ' Americans', ':', " it's", ' 1984', '.',
    ]); // prettier-ignore
  });

  test('are characters in a language without spaces', () => {
    expect(wordsOf('客観的実在の', 'ja').join('|')).toMatch(/^客\|?観\|?的\|?実\|?在\|?の$/);
    expect(wordsOf('今日', 'en')).toEqual(['今日']);
  });

  test.each(['en', 'ja'])('join to the text and hold all tokens in order, for any text, %s', (language) => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (text) => {
        const tokens = tokenizer.encode(text);
        const words = splitWords(tokens, tokenizer, language);
        expect(words.map((word) => word.text).join('')).toBe(tokenizer.decode(tokens));
        expect(words.flatMap((word) => word.tokens)).toEqual(tokens);
        for (const word of words) expect(word.text).not.toMatch(/\p{Surrogate}/u);
      }),
      { numRuns: 300 },
    );
  });

  test.each(['en', 'ja'])('join to the text for any tokens, invalid bytes included: %s', (language) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50_256 }), { maxLength: 12 }), (tokens) => {
        for (const merge of [false, true]) {
          const split = splitWords(tokens, tokenizer, language);
          const words = merge ? mergePunctuation(split) : split;
          expect(words.map((word) => word.text).join('')).toBe(tokenizer.decode(tokens));
          expect(words.flatMap((word) => word.tokens)).toEqual(tokens);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('never split a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), (text) => {
        for (const { text: piece, tokens } of splitCharacters(tokenizer.encode(text), tokenizer)) {
          expect(tokenizer.decode(tokens)).toBe(piece);
          if (!text.includes('\uFFFD')) expect(piece).not.toContain('\uFFFD');
        }
      }),
      { numRuns: 300 },
    );
  });
});

const word = (text: string, start = 0, end = 0, probability = 1): TimedWord => ({
  text, tokens: [text.length], start, end, probability,
}); // prettier-ignore

describe('punctuation', () => {
  const merged = (...texts: string[]): string[] =>
    mergePunctuation(texts.map((t) => word(t))).map((w) => w.text);

  test('attaches to the word before it or, if it opens, to the word after it', () => {
    expect(merged(' He', ' asked', ',', ' "', 'Go', '!', '"', ' (', 'now', ')', '.')).toEqual([
      ' He', ' asked,', ' "Go!"', ' (now).',
    ]); // prettier-ignore
  });

  test('keeps the times of the word', () => {
    const [first] = mergePunctuation([word(' “', 0, 1), word('Go', 1, 2), word('.', 2, 5)]);
    expect(first).toMatchObject({ text: ' “Go.', start: 1, end: 2, tokens: [2, 2, 1] });
  });

  test('stays separate without a neighbor', () => {
    expect(merged('.')).toEqual(['.']);
    expect(merged(' -')).toEqual([' -']);
    expect(merged()).toEqual([]);
  });
});

const details = { whisper: { avgLogprob: 0, noSpeechProb: 0, compressionRatio: 1, temperature: 0 } };

describe('the places of words', () => {
  const segment = (start: number, end: number): WhisperSegment => ({
    start, end, text: '', tokens: [], details,
  }); // prettier-ignore
  const place = (segments: WhisperSegment[], split: TimedWord[][], context = {}): WhisperSegment[] =>
    placeWords(segments, split, { offsetSeconds: 0, lastSpeechSeconds: 0, ...context });

  test('are in times of the file, and the segment spans its first word to its last', () => {
    const [got] = place([segment(30, 32)], [[word(' a', 0.2, 0.5), word(' b', 0.5, 1.9)]], {
      offsetSeconds: 30,
      lastSpeechSeconds: 29.9,
    });
    expect(got).toMatchObject({ start: 30.2, end: 31.9 });
    expect(got?.words).toEqual([
      { word: ' a', start: 30.2, end: 30.5, probability: 1 },
      { word: ' b', start: 30.5, end: 31.9, probability: 1 },
    ]);
  });

  test('a pause between sentences belongs to neither: words there have at most twice the usual length', () => {
    const split = [word(' a', 0, 0.2), word(' b', 0.2, 0.4), word('.', 0.4, 5), word(' c', 5, 5.2), word('.', 5.2, 5.4), word(' d', 5.4, 9), word(' e', 9, 9.2)]; // prettier-ignore
    const [got] = place([segment(0, 9.2)], [split]);
    expect(got?.words?.map(({ word, start, end }) => [word, start, end])).toEqual([
      [' a', 0, 0.2], [' b.', 0.2, 0.4], [' c.', 5, 5.2], [' d', 8.6, 9], [' e', 9, 9.2],
    ]); // prettier-ignore
  });

  test('the words before and after a pause exclude it', () => {
    const [got] = place(
      [segment(5.1, 6)],
      [[word(' a', 0, 5.4), word(' b', 5.4, 5.6), word(' c', 5.6, 5.8), word(' d', 5.8, 9)]],
    );
    expect(got?.words?.[0]?.start).toBeGreaterThan(3);
    expect(got?.words?.at(-1)?.end).toBeLessThan(7.5);
    expect(got?.start).toBe(got?.words?.[0]?.start);
    expect(got?.end).toBe(got?.words?.at(-1)?.end);
  });

  test('a segment without words keeps its times', () => {
    expect(place([segment(1, 2)], [[]])).toEqual([{ ...segment(1, 2), words: [] }]);
    expect(place([], [])).toEqual([]);
  });

  test('stay ascending and inside their original range', () => {
    const times = fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 30 }), (frames, a, b) => {
        const sorted = frames.toSorted((x, y) => x - y).map((frame) => frame / 50);
        const words = sorted.slice(1).map((end, i) => word(i % 3 === 2 ? '.' : ' x', sorted[i] ?? 0, end));
        const [got] = place([segment(Math.min(a, b), Math.max(a, b))], [words]);
        let before = Math.min(...sorted);
        for (const { start, end } of got?.words ?? []) {
          expect(start).toBeGreaterThanOrEqual(before);
          expect(end).toBeGreaterThanOrEqual(start);
          before = end;
        }
        expect(before).toBeLessThanOrEqual(Math.max(...sorted));
        expect(got?.words?.map((w) => w.word).join('')).toBe(words.map((w) => w.text).join(''));
      }),
      { numRuns: 300 },
    );
  });

  test('are clipped to the speech with the largest overlap', () => {
    const speech = [
      { start: 10.5, end: 11 },
      { start: 11.5, end: 12 },
    ];
    const clip = (start: number, end: number): number[] => {
      const [got] = clipToSpeech([word(' a', start, end)], speech, 10);
      return [got?.start ?? NaN, got?.end ?? NaN];
    };
    expect(clip(0, 0.8)).toEqual([0.5, 0.8]);
    expect(clip(0.9, 1.8)).toEqual([1.5, 1.8]);
    expect(clip(0.6, 1.55)).toEqual([0.6, 1]);
    expect(clip(0.6, 0.7)).toEqual([0.6, 0.7]);
    expect(clip(1.1, 1.3)).toEqual([1.1, 1.3]); // in none
    expect(clip(1.98, 3)).toEqual([1.98, 3]); // hardly in one
    expect(clipToSpeech([word(' a', 1, 2)], [], 0)).toEqual([word(' a', 1, 2)]);
  });

  test('a word spans its tokens, with their mean probability', () => {
    const groups = [
      { text: ' ab', tokens: [1, 2] },
      { text: ' c', tokens: [3] },
    ];
    const times = { startSeconds: [9, 0.1, 0.2, 0.5, 0.9], probabilities: [0, 0.5, 0.7, 0.9] };
    const [first, second] = timeWords(groups, times, 1);
    expect(first).toMatchObject({ start: 0.1, end: 0.5 });
    expect(first?.probability).toBeCloseTo(0.6);
    expect(second).toMatchObject({ start: 0.5, end: 0.9, probability: 0.9 });
  });
});

describe('anomalous words', () => {
  test('are improbable, squeezed or stretched', () => {
    expect(wordAnomaly({ start: 0, end: 0.3, probability: 0.9 })).toBe(0);
    expect(wordAnomaly({ start: 0, end: 0.3, probability: 0.14 })).toBe(1);
    expect(wordAnomaly({ start: 1, end: 1.033, probability: 0.9 })).toBeCloseTo(1.5);
    expect(wordAnomaly({ start: 0, end: 4.5, probability: 0.1 })).toBeCloseTo(3.5);
  });

  test('make a segment anomalous if three, or all of its first eight, are', () => {
    const usual = { word: ' a', start: 0, end: 0.3, probability: 0.9 };
    const odd = { ...usual, probability: 0.1 };
    expect(isAnomalous({ words: [usual, usual] })).toBe(false);
    expect(isAnomalous({ words: [odd, usual] })).toBe(false);
    expect(isAnomalous({ words: [odd, odd] })).toBe(true);
    expect(isAnomalous({ words: [usual, odd, odd, odd, usual] })).toBe(true);
    expect(isAnomalous({ words: [...Array<typeof usual>(8).fill(usual), odd, odd, odd] })).toBe(false);
    expect(isAnomalous({ words: [odd, { ...usual, word: '.' }] })).toBe(true); // punctuation does not count
    expect(isAnomalous({ words: [] })).toBe(false);
    expect(isAnomalous({})).toBe(false);
  });
});

describe('a hallucination in silence', () => {
  const segment = (start: number, end: number, probability: number): WhisperSegment => ({
    start, end, text: ' a b', tokens: [], details,
    words: [
      { word: ' a', start, end: (start + end) / 2, probability },
      { word: ' b', start: (start + end) / 2, end, probability },
    ],
  }); // prettier-ignore
  const window = { start: 100, audioEnd: 130, end: 130, lastSpeech: 99, fileEnd: 600 };
  const spoken = (start: number, end = start + 1): WhisperSegment => segment(start, end, 0.9);
  const odd = (start: number, end = start + 1): WhisperSegment => segment(start, end, 0.05);

  test('is dropped with the segments after it, and the next window starts there', () => {
    const segments = [spoken(101), odd(110), spoken(120)];
    expect(dropHallucinations(segments, window, 2)).toEqual({ segments: [segments[0]], next: 110 });
  });

  test('stays next to speech, and speech stays', () => {
    for (const segments of [
      [spoken(101, 104), odd(104), spoken(105)],
      [spoken(101), spoken(110)],
      [{ ...spoken(101), words: [] }],
      [],
    ]) {
      expect(dropHallucinations(segments, window, 2)).toEqual({ segments });
    }
  });

  test('at the start of a window skips the silence', () => {
    expect(dropHallucinations([odd(105), spoken(106)], window, 2)).toEqual({ segments: [], next: 105 });
  });

  test('may be a series of anomalous segments', () => {
    const segments = [spoken(101, 104), odd(110), odd(111), spoken(112)];
    expect(dropHallucinations(segments, window, 2)).toEqual({ segments: [segments[0]], next: 110 });
  });

  test('at the end of the file ends it, with progress in any case', () => {
    const last = { ...window, fileEnd: 130.5 };
    expect(dropHallucinations([spoken(101), odd(128.5)], last, 2)).toMatchObject({ next: 130.5 });
    expect(dropHallucinations([odd(100.2), spoken(110)], window, 2)).toEqual({ segments: [], next: 101 });
  });
});
