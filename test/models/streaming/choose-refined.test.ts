/** When a decode of the whole take stands in place of what was committed. */
import { describe, expect, test } from '@jest/globals';
import { type OfflineSegment, isRefinedBetter } from '#daemon/models/streaming/choose-refined.js';

function segment(text: string, avgLogprob: number, compressionRatio = 1.2): OfflineSegment {
  return { text, tokens: Array.from(text, (_, i) => i), avgLogprob, compressionRatio };
}

describe('a decode of the whole take', () => {
  test('is taken where it is about as sure as what was committed', () => {
    expect(isRefinedBetter({ segments: [segment(' so my fellow', -0.4)] }, -0.2)).toBe(true);
  });

  test('is not where it is much less sure: it has lost the audio', () => {
    expect(isRefinedBetter({ segments: [segment(' so my fellow', -0.9)] }, -0.2)).toBe(false);
  });

  test('is judged by all of it, long segments more', () => {
    const segments = [segment(' so', -2), segment(' my fellow Americans, ask not what', -0.2)];
    expect(isRefinedBetter({ segments }, -0.2)).toBe(true);
    expect(isRefinedBetter({ segments: [segment(' so my fellow', -2), segment(' my', -0.2)] }, -0.2)).toBe(
      false,
    );
  });

  test('is not where it says nothing, or the same again and again', () => {
    expect(isRefinedBetter({ segments: [] }, -0.2)).toBe(false);
    expect(isRefinedBetter({ segments: [segment(' ', -0.1)] }, undefined)).toBe(false);
    expect(isRefinedBetter({ segments: [segment(' so', -0.1), segment(' so so so', -0.1, 3)] }, -0.2)).toBe(
      false,
    );
  });

  test('is taken where nothing was committed', () => {
    expect(isRefinedBetter({ segments: [segment(' so', -0.9)] }, undefined)).toBe(true);
  });
});
