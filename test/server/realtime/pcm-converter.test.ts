import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PcmConverter } from '#daemon/server/realtime/pcm-converter.js';
import type { Format } from '#daemon/server/realtime/session-settings.js';

const FORMATS: readonly Format[] = [
  { type: 'audio/pcm', rate: 24_000 },
  { type: 'audio/pcm', rate: 16_000 },
  { type: 'audio/pcmu' },
  { type: 'audio/pcma' },
];

function converted(format: Format, pieces: readonly Uint8Array[]): Buffer {
  const converter = new PcmConverter(format);
  return Buffer.concat([...pieces.flatMap((piece) => [...converter.push(piece)]), converter.flush()]);
}

/** Splits at these positions, some of which may be beyond the end. */
function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [0, ...places.toSorted((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end));
}

const noise = Uint8Array.from({ length: 12_000 }, (_, i) => (Math.imul(i + 1, 2_654_435_761) >>> 13) & 0xff);

describe('PcmConverter', () => {
  test.each(FORMATS)(
    '$type $rate: however it is cut, in the middle of samples too, the same comes out',
    (format) => {
      const whole = converted(format, [noise]);
      const places = fc.array(fc.integer({ min: 0, max: noise.length }), { maxLength: 12 });
      fc.assert(
        fc.property(places, (cuts) => {
          expect(converted(format, cutAt(noise, cuts)).equals(whole)).toBe(true);
        }),
        { numRuns: 25 },
      );
    },
  );

  test('passes 16 kHz unchanged', () => {
    expect(converted({ type: 'audio/pcm', rate: 16_000 }, [noise]).equals(noise)).toBe(true);
  });

  test.each([
    [FORMATS[0], 24_000 * 2],
    [FORMATS[1], 16_000 * 2],
    [FORMATS[2], 8_000],
    [FORMATS[3], 8_000],
  ] as const)('%o: keeps the duration', (format, bytes) => {
    if (format === undefined) throw new Error('no format');
    expect(converted(format, [new Uint8Array(bytes)]).length).toBe(32_000);
  });

  test.each(FORMATS)('$type $rate: much of it comes in pieces of a second, filter and all', (format) => {
    const pieces = [...new PcmConverter(format).push(new Uint8Array(300_000))];
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(33_000);
  });

  test('drops half a sample at the end', () => {
    expect(
      converted({ type: 'audio/pcm', rate: 16_000 }, [noise.subarray(0, 7)]).equals(noise.subarray(0, 6)),
    ).toBe(true);
  });

  test('clips instead of wrapping around', () => {
    const square = new Int16Array(24_000).map((_, i) => (i % 40 < 20 ? 32_767 : -32_768));
    const pcm = converted({ type: 'audio/pcm', rate: 24_000 }, [new Uint8Array(square.buffer)]);
    const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.length / 2);
    // 20 samples of 24 kHz are 13 of 16 kHz: the output has no more sign changes than the input.
    let turns = 0;
    for (let i = 1; i < samples.length; i++) if ((samples[i] ?? 0) > 0 !== (samples[i - 1] ?? 0) > 0) turns++;
    expect(turns).toBeLessThanOrEqual(1_200);
  });
});
