/** Text that a model repeats while it waits for more audio. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRepeating, trimRepeatedPhrases, trimRereadTokens } from '#daemon/models/streaming/repetition.js';

describe('a repeating hypothesis', () => {
  test('stops at the fifth consecutive token', () => {
    const repeated = [7, 1, 2, 3, 4, 5, 6];
    expect(isRepeating([], [...repeated, 1, 2, 3, 4])).toBe(false);
    expect(isRepeating([], [...repeated, 1, 2, 3, 4, 5])).toBe(true);
    expect(isRepeating([1, 2, 3, 4, 5], [9, 1, 2, 3, 4, 5])).toBe(true);
  });

  test('continues if the repeated words are committed: people do repeat themselves', () => {
    expect(isRepeating([1, 2, 3, 4, 5, 1, 2], [3, 4, 5])).toBe(false);
  });

  test('is not found in text without repetition', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { maxLength: 40 }), (tokens) => {
        expect(isRepeating([], tokens)).toBe(false);
      }),
    );
  });
});

describe('a model that rereads audio', () => {
  test('keeps its tokens up to where it attends back, ignoring the padding', () => {
    const forward = [10, 20, 30, 45, 60, 80];
    expect(trimRereadTokens(forward, 100)).toBe(6);
    expect(trimRereadTokens([...forward, 11, 21, 31], 100)).toBe(6);
    expect(trimRereadTokens([...forward, 130, 140, 11, 21, 31, 44], 100)).toBe(6);
  });

  test('may have a single outlier', () => {
    expect(trimRereadTokens([10, 20, 30, 2, 45, 60, 1, 3, 80], 100)).toBe(9);
    expect(trimRereadTokens([10, 20, 15, 18, 22, 40], 100)).toBe(6);
    expect(trimRereadTokens([], 100)).toBe(0);
  });

  test('never keeps more tokens than it has', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200)), fc.nat(150), (attendedFrames, audioFrames) => {
        const count = trimRereadTokens(attendedFrames, audioFrames);
        expect(count).toBeGreaterThanOrEqual(0);
        expect(count).toBeLessThanOrEqual(attendedFrames.length);
      }),
    );
  });
});

describe('a phrase repeated at once', () => {
  // " answered he", then a pause: tokens and frames of the starter model.
  const [answered, he] = [10103, 415];

  test('is dropped if its audio is the same', () => {
    const loop = [answered, he, answered, he, answered, he, answered];
    expect(trimRepeatedPhrases(loop, [30, 47, 69, 47, 104, 348, 104], 100)).toBe(2);
    expect(trimRepeatedPhrases([1, 2, 3, 1, 2, 3], [10, 20, 30, 40, 20, 50], 100)).toBe(3);
    // The padding has no audio.
    expect(trimRepeatedPhrases([1, 2, 1, 2], [10, 20, 30, 100], 100)).toBe(2);
  });

  test('is kept if its audio is later, as when a speaker repeats it', () => {
    expect(trimRepeatedPhrases([1, 2, 1, 2, 3], [10, 20, 30, 40, 50], 100)).toBe(5);
  });

  test('is not a single word, nor a phrase after another one', () => {
    expect(trimRepeatedPhrases([1, 1, 2, 3], [10, 10, 20, 30], 100)).toBe(4);
    expect(trimRepeatedPhrases([1, 2, 3, 4, 1, 2], [10, 20, 30, 40, 10, 20], 100)).toBe(6);
  });

  test('is dropped from its second occurrence on, in any context', () => {
    const phrase = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 8 });
    const before = fc.uniqueArray(fc.integer({ min: 100, max: 200 }), { maxLength: 10 });
    fc.assert(
      fc.property(before, phrase, (first, repeated) => {
        const tokens = [...first, ...repeated, ...repeated];
        const frames = [...first, ...repeated].map((_, i) => 10 * i);
        const again = frames.slice(first.length);
        expect(trimRepeatedPhrases(tokens, [...frames, ...again], 1000)).toBe(first.length + repeated.length);
      }),
    );
  });
});
