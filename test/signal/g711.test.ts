import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeG711, type Law } from '#daemon/signal/g711.js';

/** Samples of 16 bits. */
function decoded(codes: Iterable<number>, law: Law): number[] {
  return [...decodeG711(Uint8Array.from(codes), law)].map((sample) => sample * 32_768);
}

/**
 * ITU-T G.711, tables 1a and 2a: of each positive segment the value of its first code and the step between its codes; of 13
 * bits for A-law, of 14 for µ-law. The codes of table 1a are without the inversion of even bits, those of 2a are inverted.
 */
const A_SEGMENTS = [
  [0, 1, 2],
  [1, 33, 2],
  [2, 66, 4],
  [3, 132, 8],
  [4, 264, 16],
  [5, 528, 32],
  [6, 1056, 64],
  [7, 2112, 128],
] as const;
const MU_SEGMENTS = [
  [0, 0, 2],
  [1, 33, 4],
  [2, 99, 8],
  [3, 231, 16],
  [4, 495, 32],
  [5, 1023, 64],
  [6, 2079, 128],
  [7, 4191, 256],
] as const;

const ALL = Array.from({ length: 256 }, (_, code) => code);

describe('G.711', () => {
  test('A-law has the values of the standard’s table', () => {
    for (const [segment, first, step] of A_SEGMENTS) {
      for (let place = 0; place < 16; place++) {
        const value = 8 * (first + place * step);
        const code = 0x80 | (segment << 4) | place;
        expect(decoded([code ^ 0x55, (code & 0x7f) ^ 0x55], 'a')).toEqual([value, -value]);
      }
    }
  });

  test('µ-law has the values of the standard’s table', () => {
    for (const [segment, first, step] of MU_SEGMENTS) {
      for (let place = 0; place < 16; place++) {
        const value = 4 * (first + place * step);
        const code = 0xff ^ ((segment << 4) | place);
        const [positive = NaN, negative = NaN] = decoded([code, code & 0x7f], 'mu');
        expect([positive, 0 - negative]).toEqual([value, value]);
      }
    }
  });

  test.each<Law>(['a', 'mu'])(
    '%s-law: what is coded by the nearest value and decoded again is that value',
    (law) => {
      const values = decoded(ALL, law);
      const nearest = (sample: number): number =>
        values.reduce((best, value, code) => {
          return Math.abs(value - sample) < Math.abs((values[best] ?? 0) - sample) ? code : best;
        }, 0);
      fc.assert(
        fc.property(fc.integer({ min: -32_000, max: 32_000 }), (sample) => {
          const [again = NaN] = decoded([nearest(sample)], law);
          // Half a step of the segment it lies in: a thirty-second of its size, or the smallest there is.
          expect(Math.abs(again - sample)).toBeLessThanOrEqual(Math.max(8, Math.abs(sample) / 31));
          expect(decoded([nearest(again)], law)).toEqual([again]);
        }),
        { numRuns: 200 },
      );
    },
  );

  test('no two codes of a law mean the same, but for the two zeros of µ-law', () => {
    expect(new Set(decoded(ALL, 'a')).size).toBe(256);
    expect(new Set(decoded(ALL, 'mu').map((value) => value + 0)).size).toBe(255);
  });
});
