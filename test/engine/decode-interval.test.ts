import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { INTERVALS_SECONDS, DecodeInterval } from '#daemon/engine/live/decode-interval.js';

function after(steps: readonly number[], interval = new DecodeInterval()): number {
  for (const seconds of steps) interval.decoded(seconds);
  return interval.intervalSeconds;
}

describe('DecodeInterval', () => {
  test('ignores one slow step, and takes two in a row for a slow machine', () => {
    expect(after([3, 0.1, 3, 0.1, 3, 0.1])).toBe(0.5);
    expect(after([0.36, 0.36])).toBe(1);
    expect(after([0.34, 0.34, 0.34, 0.34])).toBe(0.5);
  });

  test('grows as far as needed, and shrinks when there is room', () => {
    const interval = new DecodeInterval();
    expect(after(new Array<number>(20).fill(5), interval)).toBe(2);
    expect(after(new Array<number>(20).fill(0.1), interval)).toBe(0.5);
  });

  test('does not oscillate: a longer interval that is needed stays', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 4, noNaN: true }), (seconds) => {
        const interval = new DecodeInterval();
        const intervals = Array.from({ length: 40 }, () => after([seconds], interval));
        // It only grows, until it stays.
        expect(intervals).toEqual([...intervals].sort((a, b) => a - b));
        expect(new Set(intervals.slice(20)).size).toBe(1);
      }),
    );
  });

  test('continues at the interval of another engine if that is a known one', () => {
    for (const seconds of INTERVALS_SECONDS)
      expect(new DecodeInterval(seconds).intervalSeconds).toBe(seconds);
    for (const seconds of [0, -1, 0.7, 1e9, Number.NaN]) {
      expect(new DecodeInterval(seconds).intervalSeconds).toBe(0.5);
    }
  });
});
