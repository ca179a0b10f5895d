import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Resampler } from '#daemon/signal/resample.js';
import { concat, signalToError, sine } from '../audio/fixtures.js';

function convert(input: Float32Array, inRate: number, outRate = 16000): Float32Array {
  const resampler = new Resampler(inRate, outRate);
  return concat([resampler.push(input), resampler.flush()]);
}

function level(samples: Float32Array): number {
  const middle = samples.subarray(samples.length / 4, (samples.length * 3) / 4);
  return 10 * Math.log10(middle.reduce((sum, value) => sum + value ** 2, 0) / middle.length);
}

const RATES = [8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000];

describe('Resampler', () => {
  test.each(RATES)('keeps level, phase and purity of a tone from %i Hz', (rate) => {
    const highest = Math.min(rate, 16000) / 2;
    for (const part of [0.02, 0.2, 0.5, 0.8]) {
      const hertz = highest * part;
      const output = convert(sine(hertz, rate, 0.5), rate);
      const ideal = sine(hertz, 16000, 0.5);
      // Excludes the edges, where the tone starts and stops.
      expect(signalToError(ideal.subarray(800, 7200), output.subarray(800, 7200))).toBeGreaterThan(60);
    }
  });

  test.each([22050, 44100, 48000, 96000])('removes frequencies above 8 kHz from %i Hz', (rate) => {
    for (const hertz of [8800, 9500, 10500]) {
      expect(level(convert(sine(hertz, rate, 0.5), rate)) - level(sine(hertz, rate, 0.5))).toBeLessThan(-75);
    }
  });

  test('converts an odd rate as precisely as a common one', () => {
    const output = convert(sine(1000, 11027, 0.5), 11027);
    expect(
      signalToError(sine(1000, 16000, 0.5).subarray(800, 7200), output.subarray(800, 7200)),
    ).toBeGreaterThan(60);
  });

  test('keeps a constant', () => {
    const output = convert(new Float32Array(48000).fill(0.5), 48000);
    expect(Math.max(...output.subarray(100, -100).map((value) => Math.abs(value - 0.5)))).toBeLessThan(1e-6);
  });

  test('keeps the duration to half a sample', () => {
    fc.assert(
      fc.property(fc.constantFrom(...RATES), fc.integer({ min: 0, max: 5000 }), (rate, length) => {
        const expected = Math.floor((length * 16000) / rate + 0.5);
        expect(convert(new Float32Array(length), rate).length).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('gives the same output for any chunks', () => {
    const noise = Float32Array.from({ length: 3000 }, (_, n) => Math.sin(n * n));
    const whole = convert(noise, 44100);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 12 }), (cuts) => {
        const resampler = new Resampler(44100, 16000);
        const parts: Float32Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          parts.push(resampler.push(noise.subarray(at, at + cut)));
          at += cut;
        }
        parts.push(resampler.push(noise.subarray(Math.min(at, noise.length))), resampler.flush());
        expect(concat(parts)).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});
