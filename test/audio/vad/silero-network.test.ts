import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { SpeechSegmenter, VoiceActivity } from '#daemon/audio/vad/index.js';
import { mx } from '#native/index.js';

import { skippedTest } from '#test/harness/skipping.js';
import { fixtures, isAvailable, toSpeechOptions, samplesOf } from './vad-fixtures.js';
import { syntheticAudio } from './synthetic-audio.js';

/** Maximum difference from the reference, which computes the recurrence in float32; 8e-6 was measured. */
const TOLERANCE = 5e-5;

let voice: VoiceActivity;
beforeAll(async () => {
  voice = await VoiceActivity.load();
});
afterAll(() => {
  voice.dispose();
});

/** All probabilities of `samples`, pushed in chunks of `size`. */
function detect(samples: Float32Array, size: number): number[] {
  const stream = voice.stream();
  const got: number[] = [];
  for (let start = 0; start < samples.length; start += size)
    got.push(...stream.push(samples.subarray(start, start + size)));
  return [...got, ...stream.flush()];
}

const available = fixtures.clips.filter(isAvailable);
const missing = fixtures.clips.filter((clip) => !isAvailable(clip));

describe('against the reference implementation', () => {
  for (const { name } of missing)
    skippedTest(`matches the reference for ${name}`, `no ../shared/speech: ${name}`);

  test.each(available)('matches the probabilities and segments of the reference for $name', async (clip) => {
    const samples = await samplesOf(clip);
    expect(samples.length).toBe(clip.samples);
    expect(samples.reduce((sum, sample) => sum + Math.round(sample * 32_768), 0)).toBe(clip.sum);

    const got = detect(samples, 16_000);
    expect(got.length).toBe(clip.probabilities.length);
    const difference = Math.max(...got.map((p, i) => Math.abs(p - (clip.probabilities[i] ?? NaN))));
    expect(difference).toBeLessThan(TOLERANCE);

    for (const { options, segments } of clip.cut) {
      const segmenter = new SpeechSegmenter(toSpeechOptions(options));
      const cut = [...segmenter.push(got), ...segmenter.end(samples.length)];
      expect(cut.map(({ start, end }) => [start, end])).toEqual(segments);
    }
  });

  test.each(['silence', 'room', 'hum', 'chords', 'burst'])('finds no speech in %s', (name) => {
    const samples = syntheticAudio(name);
    const segmenter = new SpeechSegmenter();
    expect([...segmenter.push(detect(samples, samples.length)), ...segmenter.end(samples.length)]).toEqual(
      [],
    );
  });
});

describe('a stream', () => {
  test('gives the same probabilities for any chunks', async () => {
    const clip = fixtures.clips.find(({ name }) => name === 'austen-0880.flac');
    if (clip === undefined) throw new Error('the fixture lacks its clip');
    const samples = await samplesOf(clip);
    const whole = detect(samples, samples.length);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        const stream = voice.stream();
        const got: number[] = [];
        let at = 0;
        for (const size of sizes) {
          got.push(...stream.push(samples.subarray(at, at + size)));
          at = Math.min(samples.length, at + size);
          expect(got.length).toBe(Math.floor(at / 512));
        }
        got.push(...stream.push(samples.subarray(at)), ...stream.flush());
        expect(got.length).toBe(whole.length);
        // Products with other numbers of rows may add in another order.
        got.forEach((p, i) => expect(Math.abs(p - (whole[i] ?? NaN))).toBeLessThan(TOLERANCE));
      }),
      { numRuns: 15 },
    );
  });

  test('is independent of other streams', () => {
    const samples = syntheticAudio('chords');
    const expected = detect(samples, 16_000);
    const first = voice.stream();
    const second = voice.stream();
    const got: number[] = [];
    for (let start = 0; start < samples.length; start += 16_000) {
      got.push(...first.push(samples.subarray(start, start + 16_000)));
      second.push(syntheticAudio('burst'));
    }
    expect([...got, ...first.flush()]).toEqual(expected);
  });

  test('continues after invalid samples', () => {
    const stream = voice.stream();
    stream.push(Float32Array.of(NaN, Infinity, -Infinity, 3e38, ...new Float32Array(508)));
    const got = stream.push(syntheticAudio('chords'));
    expect(got.length).toBeGreaterThan(0);
    for (const probability of got) expect(probability).not.toBeNaN();
  });

  test('has nothing to flush after whole frames or without samples', () => {
    const stream = voice.stream();
    expect(stream.push(new Float32Array(0)).length).toBe(0);
    expect(stream.flush().length).toBe(0);
    expect(stream.push(new Float32Array(1024)).length).toBe(2);
    expect(stream.flush().length).toBe(0);
    stream.push(new Float32Array(1));
    expect(stream.flush().length).toBe(1);
  });

  test('leaks no arrays, and disposing frees the weights', async () => {
    const before = mx.liveArrays();
    const other = await VoiceActivity.load();
    const loaded = mx.liveArrays();
    const stream = other.stream();
    stream.push(syntheticAudio('chords'));
    stream.push(syntheticAudio('short'));
    stream.flush();
    expect(mx.liveArrays()).toBe(loaded);
    other.dispose();
    expect(mx.liveArrays()).toBe(before);
  });
});
