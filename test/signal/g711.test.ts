import { describe, expect, test } from '@jest/globals';
import { decodeG711, type Law } from '#daemon/signal/g711.js';

/** Decodes to 16-bit samples. */
function decoded(codes: Iterable<number>, law: Law): number[] {
  return [...decodeG711(Uint8Array.from(codes), law)].map((sample) => sample * 32_768);
}

/**
 * ITU-T G.711, tables 1a and 2a: number, first value and step of each positive segment, in 13 bits for A-law and 14 bits
 * for µ-law. The codes of table 1a are without the inversion of even bits, those of 2a are inverted.
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
  test('A-law matches the table of the standard', () => {
    for (const [segment, first, step] of A_SEGMENTS) {
      for (let place = 0; place < 16; place++) {
        const value = 8 * (first + place * step);
        const code = 0x80 | (segment << 4) | place;
        expect(decoded([code ^ 0x55, (code & 0x7f) ^ 0x55], 'a')).toEqual([value, -value]);
      }
    }
  });

  test('µ-law matches the table of the standard', () => {
    for (const [segment, first, step] of MU_SEGMENTS) {
      for (let place = 0; place < 16; place++) {
        const value = 4 * (first + place * step);
        const code = 0xff ^ ((segment << 4) | place);
        const [positive = NaN, negative = NaN] = decoded([code, code & 0x7f], 'mu');
        expect([positive, 0 - negative]).toEqual([value, value]);
      }
    }
  });

  test.each<[Law, (sample: number) => number]>([
    // Half a step of the segment of a sample; µ-law segments are shifted by 132, and their first step is half as large.
    ['a', (sample) => Math.max(8, Math.abs(sample) / 32)],
    ['mu', (sample) => (Math.abs(sample) + 132) / 33],
  ])('%s-law has a code within half a step of every sample', (law, halfStep) => {
    const values = decoded(ALL, law).sort((a, b) => a - b);
    // The samples farthest from all values are halfway between two of them.
    const far = values.slice(1).filter((value, index) => {
      const below = values[index] ?? NaN;
      return (value - below) / 2 > halfStep((value + below) / 2);
    });
    expect(far).toEqual([]);
    expect(Math.min(-(values[0] ?? 0), values.at(-1) ?? 0)).toBeGreaterThan(32_000);
  });

  test('the codes have distinct values, except the two zeros of µ-law', () => {
    expect(new Set(decoded(ALL, 'a')).size).toBe(256);
    expect(new Set(decoded(ALL, 'mu').map((value) => value + 0)).size).toBe(255);
  });
});
