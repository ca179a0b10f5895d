/** Chooses between the decode of the whole dictation and the committed text. */
import { describe, expect, test } from '@jest/globals';
import { type OfflineSegment, isRefinedBetter } from '#daemon/models/whisper/streaming/choose-refined.js';

function segment(text: string, avgLogprob: number, compressionRatio = 1.2): OfflineSegment {
  const details = { whisper: { avgLogprob, compressionRatio, noSpeechProb: 0, temperature: 0 } };
  return { text, tokens: Array.from(text, (_, i) => i), details };
}

describe('a decode of the whole dictation', () => {
  test('wins with a similar probability', () => {
    expect(isRefinedBetter([segment(' so my fellow', -0.4)], -0.2)).toBe(true);
  });

  test('loses with a much lower probability: it has lost the audio', () => {
    expect(isRefinedBetter([segment(' so my fellow', -0.9)], -0.2)).toBe(false);
  });

  test('counts all segments by their length', () => {
    const segments = [segment(' so', -2), segment(' my fellow Americans, ask not what', -0.2)];
    expect(isRefinedBetter(segments, -0.2)).toBe(true);
    expect(isRefinedBetter([segment(' so my fellow', -2), segment(' my', -0.2)], -0.2)).toBe(false);
  });

  test('loses if it is empty or repetitive', () => {
    expect(isRefinedBetter([], -0.2)).toBe(false);
    expect(isRefinedBetter([segment(' ', -0.1)], undefined)).toBe(false);
    expect(isRefinedBetter([segment(' so', -0.1), segment(' so so so', -0.1, 3)], -0.2)).toBe(false);
  });

  test('wins if nothing was committed', () => {
    expect(isRefinedBetter([segment(' so', -0.9)], undefined)).toBe(true);
  });
});
