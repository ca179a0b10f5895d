import { describe, expect, test } from '@jest/globals';
import {
  atLevel,
  coughs,
  hum,
  mix,
  music,
  pinkNoise,
  reverberate,
  ringing,
  rms,
  seeded,
  telephone,
  whiteNoise,
  wind,
} from './sound-effects.js';
import { convolve, filterBands } from './spectrum.js';

const RATE = 16_000;
const tone = (hertz: number, samples = RATE): Float32Array =>
  Float32Array.from({ length: samples }, (_, n) => 0.3 * Math.sin((2 * Math.PI * hertz * n) / RATE));
const decibels = (a: number, b: number): number => 20 * Math.log10(a / b);

describe('the spectrum', () => {
  test('convolves like a sum of shifted copies', () => {
    const got = convolve(Float32Array.of(1, 2, 3), Float32Array.of(1, 0, -1, 0.5));
    const want = [1, 2, 2, -1.5, -2, 1.5];
    expect(got).toHaveLength(want.length);
    want.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 6));
  });

  test('keeps samples of any length if every frequency passes', () => {
    const samples = whiteNoise(1237, seeded('any'));
    const got = filterBands(samples, RATE, () => 1);
    expect(got.every((x, i) => Math.abs(x - (samples[i] ?? NaN)) < 1e-6)).toBe(true);
  });
});

describe('degradations of speech', () => {
  const speech = tone(440);

  test.each<[string, (name: string) => Float32Array]>([
    ['pink noise', (name) => mix(speech, pinkNoise(RATE, seeded(name)), 10)],
    ['music', (name) => mix(speech, music(RATE, seeded(name)), 5)],
    ['a room', (name) => reverberate(speech, 0.5, seeded(name))],
    ['coughs', (name) => coughs(RATE, seeded(name))],
    ['wind', (name) => wind(RATE, seeded(name))],
  ])('%s depends only on the name and never clips', (_, make) => {
    const once = make('a');
    expect(Buffer.from(once.buffer).equals(Buffer.from(make('a').buffer))).toBe(true);
    expect(Buffer.from(once.buffer).equals(Buffer.from(make('b').buffer))).toBe(false);
    expect(once.every((x) => Math.abs(x) <= 1)).toBe(true);
  });

  test('noise has the requested level below speech', () => {
    const output = mix(speech, pinkNoise(RATE, seeded('n')), 10);
    const noise = output.map((x, i) => x - (speech[i] ?? 0));
    expect(decibels(rms(speech), rms(noise))).toBeCloseTo(10, 1);
  });

  test('pink noise has equal power in each octave', () => {
    const noise = pinkNoise(4 * RATE, seeded('octaves'));
    const octave = (from: number) =>
      rms(filterBands(noise, RATE, (hertz) => (hertz >= from && hertz < 2 * from ? 1 : 0)));
    expect(Math.abs(decibels(octave(250), octave(2000)))).toBeLessThan(1);
  });

  test('a room decays by 60 dB in its reverberation time', () => {
    const click = new Float32Array(2 * RATE);
    click[0] = 0.5;
    const output = reverberate(click, 0.5, seeded('room'));
    const at = (seconds: number) => rms(output.subarray(RATE * seconds, RATE * (seconds + 0.05)));
    expect(decibels(at(0.05), at(0.3))).toBeCloseTo(30, -1); // half the time, half the decibels
    expect(at(0.6)).toBeLessThan(1e-6);
  });

  test('the telephone passes 300 to 3400 Hz', () => {
    const loss = (hertz: number) => decibels(rms(tone(hertz)), rms(telephone(tone(hertz))));
    expect(Math.abs(loss(1000))).toBeLessThan(0.2);
    expect(loss(100)).toBeGreaterThan(20);
    expect(loss(5000)).toBeGreaterThan(20);
  });

  test('sounds without a seed have the requested length and are not silent', () => {
    for (const make of [hum, ringing]) {
      expect(make(RATE)).toHaveLength(RATE);
      expect(rms(atLevel(make(RATE), 0.05))).toBeCloseTo(0.05, 5);
    }
  });
});
