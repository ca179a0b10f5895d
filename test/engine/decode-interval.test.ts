import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { INTERVALS_SECONDS, DecodeInterval } from '#daemon/engine/live/decode-interval.js';

function after(looks: readonly number[], interval = new DecodeInterval()): number {
  for (const seconds of looks) interval.decoded(seconds);
  return interval.intervalSeconds;
}

describe('DecodeInterval', () => {
  test('takes one slow look for chance, and two in a row for a slow machine', () => {
    expect(after([3, 0.1, 3, 0.1, 3, 0.1])).toBe(0.5);
    expect(after([0.36, 0.36])).toBe(1);
    expect(after([0.34, 0.34, 0.34, 0.34])).toBe(0.5);
  });

  test('grows as far as it has to and comes back when there is room', () => {
    const interval = new DecodeInterval();
    expect(after(new Array<number>(20).fill(5), interval)).toBe(2);
    expect(after(new Array<number>(20).fill(0.1), interval)).toBe(0.5);
  });

  test('swings at no cost of a look: where a longer interval was needed, it stays', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 4, noNaN: true }), (seconds) => {
        const interval = new DecodeInterval();
        const intervals = Array.from({ length: 40 }, () => after([seconds], interval));
        // It only ever goes up, and then no more.
        expect(intervals).toEqual([...intervals].sort((a, b) => a - b));
        expect(new Set(intervals.slice(20)).size).toBe(1);
      }),
    );
  });

  test('goes on at the interval that another engine had, if it knows it', () => {
    for (const seconds of INTERVALS_SECONDS)
      expect(new DecodeInterval(seconds).intervalSeconds).toBe(seconds);
    for (const seconds of [0, -1, 0.7, 1e9, Number.NaN]) {
      expect(new DecodeInterval(seconds).intervalSeconds).toBe(0.5);
    }
  });
});
