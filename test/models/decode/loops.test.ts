/** Loop guards on token sequences. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compressionRatio, type DecodeResult } from '#daemon/models/whisper/decode/decode.js';
import { loopAtEnd, LoopGuard, RepetitionStopper } from '#daemon/models/whisper/decode/loops.js';
import { bannedTokens, NoRepeatNgram } from '#daemon/models/whisper/decode/no-repeat-ngram.js';
import { BeamSearch, BestOfSamples } from '#daemon/models/search/search.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';

let tokenizer: WhisperTokenizer;
beforeAll(async () => {
  tokenizer = await WhisperTokenizer.load({ isMultilingual: true, numLanguages: 99, nVocab: 51_865 });
});
afterAll(() => {
  tokenizer.dispose();
});

const LIMITS = { compressionRatio: 2.4, audioFrames: 3000 };
const guard = (limits = LIMITS): LoopGuard => new LoopGuard(tokenizer, limits);
const tokens = (text: string): number[] => tokenizer.encode(text);
const stamp = (seconds: number): number => tokenizer.special.timestampBegin + Math.round(seconds / 0.02);

/** Whether any prefix of a text is stopped. */
function isStopped(tokenRun: readonly number[], by = guard()): boolean {
  return tokenRun.some((_, i) => by.shouldStop(tokenRun.slice(0, i + 1)));
}

function resultOf(tokenRun: number[]): DecodeResult {
  const text = tokenizer.decode(tokenRun).trim();
  return {
    tokens: tokenRun,
    logprobs: tokenRun.map((_, i) => -i),
    text,
    avgLogprob: -0.5,
    noSpeechProb: 0.1,
    compressionRatio: compressionRatio(text),
    temperature: 1,
    seconds: 1,
  };
}

describe('a loop', () => {
  test('is found with its first occurrence, at any length', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 100, max: 200 }), { minLength: 1, maxLength: 60 }),
        fc.uniqueArray(fc.integer({ min: 300, max: 400 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 59 }),
        (once, before, rest) => {
          const times = Math.max(3, Math.ceil(40 / once.length));
          const tokenRun = [
            ...before,
            ...Array.from({ length: times }, () => once).flat(),
            ...once.slice(0, rest),
          ];
          const loop = loopAtEnd(tokenRun, 50_364);
          expect(loop).toMatchObject({
            start: before.length,
            firstEnd: before.length + once.length,
            period: once.length,
          });
        },
      ),
    );
  });

  test('continues across segments and their timestamps', () => {
    const tokenRun = Array.from({ length: 15 }, (_, i) => [
      stamp(2 * i),
      ...tokens(' Thank you.'),
      stamp(2 * i + 2),
    ]);
    expect(loopAtEnd(tokenRun.flat(), tokenizer.special.timestampBegin)?.period).toBe(3);
    expect(isStopped(tokenRun.flat())).toBe(true);
  });

  test.each([
    ['a word', ' you'.repeat(60)],
    ['a short sentence', ' Thank you.'.repeat(20)],
    ['a sentence', ' I am going to go to the next video.'.repeat(8)],
    [
      'a long sentence after others',
      ' So this is where we began, and there it went.' +
        ' We shall go on to the end, we shall fight in France, we shall fight on the seas and oceans with growing confidence.'.repeat(
          4,
        ),
    ],
    ['syllables', ' ha'.repeat(80)],
    ['characters without spaces', '谢谢大家'.repeat(20)],
  ])('is stopped: %s', (_, text) => {
    expect(isStopped(tokens(text))).toBe(true);
  });

  test('is stopped within two sentences once it is certain', () => {
    const tokenRun = tokens(' I am going to go to the next video.'.repeat(20));
    const at = tokenRun.findIndex((_, i) => guard().shouldStop(tokenRun.slice(0, i + 1)));
    expect(at).toBeLessThan(60);
  });
});

describe('speech that repeats itself', () => {
  test.each([
    ['no', ' No, no, no, no. No, no, no, no!'],
    ['laughter', ' Ha ha ha ha ha ha ha ha.'],
    ['counting', Array.from({ length: 60 }, (_, i) => ` ${i + 1},`).join('')],
    ['a phone number, three times', ' 0 1 8 0 3, 9 0 2 1 0.'.repeat(3)],
    ['digits', ' 1 0 0 1, 9 0 2 1 0, 0 1 8 0 3, 0 0 0 1, 1 1 1 0'],
    [
      'a refrain',
      ' Row, row, row your boat, gently down the stream.' +
        ' Merrily, merrily, merrily, merrily, life is but a dream.'.repeat(2),
    ],
    [
      'a speech',
      ' We shall fight on the beaches, we shall fight on the landing grounds, we shall fight in the fields and in the streets, we shall fight in the hills; we shall never surrender.',
    ],
    [
      'a list',
      ' I want an apple, I want a pear, I want a plum, I want a peach, I want a cherry, I want a fig.',
    ],
  ])('is never stopped: %s', (_, text) => {
    expect(isStopped(tokens(text))).toBe(false);
  });

  test('passes if the caller allows repetition', () => {
    expect(isStopped(tokens(' you'.repeat(100)), guard({ ...LIMITS, compressionRatio: 1000 }))).toBe(false);
  });

  test('is kept in the last attempt, up to the tokens of real speech', () => {
    const tokenRun = tokens(' you'.repeat(224));
    expect(isStopped(tokenRun, guard().lenient)).toBe(false);
    const short = guard({ ...LIMITS, audioFrames: 500 }).lenient; // 5 s
    const at = tokenRun.findIndex((_, i) => short.shouldStop(tokenRun.slice(0, i + 1)));
    expect(at).toBe(79);
  });
});

describe('a text that loops at every temperature', () => {
  const looped = (before: string, once: string, suffix: number[] = []): DecodeResult => {
    const tokenRun = [stamp(0), ...tokens(before)];
    while (tokenRun.length < 224) tokenRun.push(...tokens(once), ...suffix);
    return guard().lenient.withoutLoop(resultOf(tokenRun), 224);
  };

  test('keeps the text and its loop once', () => {
    const {
      text,
      tokens: kept,
      logprobs,
      compressionRatio: ratio,
    } = looped(' He went home.', ' Thank you very much.');
    expect(text).toBe('He went home. Thank you very much.');
    expect(logprobs).toHaveLength(kept.length);
    expect(ratio).toBeLessThan(2.4);
  });

  test('ends with a sentence', () => {
    expect(looped(' I love you.', ' Thank you.').text).toBe('I love you. Thank you.');
  });

  test('ends with the timestamp of the loop', () => {
    const { tokens: kept } = looped(' Yes.', ' Thank you', [stamp(2), stamp(2)]);
    expect(kept.at(-1)).toBe(stamp(2));
    expect(kept.at(-2)).toBeLessThan(stamp(0));
  });

  test('stays unchanged if it ended by itself or does not loop', () => {
    const refrain = resultOf(tokens(' Around the world, around the world.'.repeat(7)));
    expect(guard().lenient.withoutLoop(refrain, 224)).toBe(refrain);
    const full = resultOf(Array.from({ length: 224 }, (_, i) => 1000 + i));
    expect(guard().lenient.withoutLoop(full, 224)).toBe(full);
  });
});

const VOCABULARY = 12;
const END = 11;

/** A model that repeats 1, 2, 3 forever. */
function looping(tokenRun: readonly number[]): Float32Array {
  const row = new Float32Array(VOCABULARY).fill(-6);
  row[((tokenRun.at(-1) ?? 0) % 3) + 1] = -0.1;
  row[END] = -8;
  return row;
}

function searched(
  search: BeamSearch | BestOfSamples | NoRepeatNgram | RepetitionStopper,
  maxSteps: number,
): readonly number[] {
  for (let step = 0; step < maxSteps && search.live.length > 0; step++) {
    search.step(Float32Array.from(search.live.flatMap(({ tokens: tokenRun }) => [...looping(tokenRun)])));
  }
  return search.best().tokens;
}

describe('n-grams without repetition', () => {
  const limits = { endOfText: END, vocabulary: VOCABULARY };

  test('the banned tokens are those that would complete an n-gram again', () => {
    expect(bannedTokens([1, 2, 3, 1, 2], 3)).toEqual(new Set([3]));
    expect(bannedTokens([1, 2, 3, 1, 2, 4, 1, 2], 3)).toEqual(new Set([3, 4]));
    expect(bannedTokens([1, 1], 2)).toEqual(new Set([1]));
    expect(bannedTokens([1, 2], 3)).toEqual(new Set());
    expect(bannedTokens([], 2)).toEqual(new Set());
  });

  test.each([
    ['greedy', () => new BeamSearch({ ...limits, beamSize: 1 })],
    ['a beam', () => new BeamSearch({ ...limits, beamSize: 4 })],
    ['draws', () => new BestOfSamples({ ...limits, count: 3, temperature: 0.6, seed: 1 })],
  ])('no run comes twice: %s', (_, search) => {
    for (const size of [2, 3, 5]) {
      const tokenRun = searched(new NoRepeatNgram(search(), { ...limits, size }), 40);
      const runs = tokenRun.flatMap((__, i) =>
        i + size <= tokenRun.length ? [tokenRun.slice(i, i + size).join(' ')] : [],
      );
      expect(new Set(runs).size).toBe(runs.length);
    }
    expect(searched(search(), 40).join(' ')).toMatch(/1 2 3 1 2 3/);
  });

  test('the others share the probability of the banned tokens', () => {
    let seen: Float32Array | undefined;
    const inner = new BeamSearch({ ...limits, beamSize: 1 });
    const step = inner.step.bind(inner);
    inner.step = (rows) => {
      seen = rows.slice();
      return step(rows);
    };
    const row = Float32Array.from({ length: VOCABULARY }, (_, i) => Math.log((i + 1) / 78));
    new NoRepeatNgram(inner, { ...limits, size: 2, prefix: [10, 9, 10] }).step(row);
    expect(seen?.[9]).toBe(-Infinity);
    expect(seen?.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 5);
  });
});

test('a search whose sequences all loop is over', () => {
  const limits = { endOfText: END, vocabulary: VOCABULARY };
  const search = new RepetitionStopper(new BeamSearch({ ...limits, beamSize: 2 }), guard());
  expect(searched(search, 200).length).toBeLessThan(60);
  expect(search.live).toEqual([]);
});
