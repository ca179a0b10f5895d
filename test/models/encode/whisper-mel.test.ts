import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { HOP_SAMPLES, MelStream, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { whisperMel } from '#daemon/audio/mel/variants.js';
import { mx, type MxArray } from '#native/index.js';

import { clip, fixture, samplesOf, streamOf, decodeFloats } from '../model-fixtures.js';

interface MelFixture {
  clip: string;
  samples: number;
  spectrograms: { bands: number; contentFrames: number; rows: number[]; values: string }[];
}
const reference = JSON.parse(readFileSync(fixture('mel.json'), 'utf8')) as MelFixture;
const never = new AbortController().signal;

function floats(array: MxArray): Float32Array {
  const values = new Float32Array(array.toTypedArray() as Float32Array);
  mx.dispose(array);
  return values;
}

function noise(samples: number, seed = 1): Float32Array {
  let state = seed;
  const out = new Float32Array(samples);
  for (let i = 0; i < samples; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = (state / 2 ** 31 - 1) * Math.sin(i / 3000);
  }
  return out;
}

const NOTHING = { start: 0, frames: 0 };

describe('log-mel', () => {
  test.each(reference.spectrograms)('equals the reference within 1e-4, $bands bands', async (wanted) => {
    const path = clip(reference.clip);
    if (path === undefined) throw new Error(`${reference.clip} should be in assets/speech`);
    const samples = await samplesOf(path);
    expect(samples.length).toBe(reference.samples);
    const frontEnd = new SpectralFrontEnd(whisperMel(wanted.bands));
    const windows = new AudioWindows(streamOf(samples, 7001).samples, frontEnd);
    // The reference's spectrogram continues with 30 s of silence, so the window padded with silence covers all of it.
    const window = await windows.next(0, never);
    expect(window).toEqual({ start: 0, frames: wanted.contentFrames });
    const got = floats(await windows.mel(window ?? NOTHING, WINDOW_FRAMES, 'silence', 'float32'));
    const want = decodeFloats(wanted.values);
    let worst = 0;
    for (const [i, row] of wanted.rows.entries()) {
      for (let band = 0; band < wanted.bands; band++) {
        const difference = (got[row * wanted.bands + band] ?? NaN) - (want[i * wanted.bands + band] ?? NaN);
        worst = Math.max(worst, Number.isNaN(difference) ? Infinity : Math.abs(difference));
      }
    }
    expect(worst).toBeLessThanOrEqual(1e-4);
    await windows.dispose();
    frontEnd.dispose();
  });

  test('pads a window with zeros for transcription', async () => {
    const frontEnd = new SpectralFrontEnd(whisperMel(80));
    const windows = new AudioWindows(streamOf(noise(16_000)).samples, frontEnd);
    const window = await windows.next(0, never);
    expect(window).toEqual({ start: 0, frames: 100 });
    const mel = floats(await windows.mel(window ?? NOTHING, WINDOW_FRAMES, 'zero', 'float32'));
    expect(mel.length).toBe(WINDOW_FRAMES * 80);
    expect(mel.subarray(100 * 80).every((value) => value === 0)).toBe(true);
    expect(mel.subarray(99 * 80, 100 * 80).some((value) => value !== 0)).toBe(true);
    await windows.dispose();
    frontEnd.dispose();
  });

  test('has a frame per 10 ms, the same for any chunks', async () => {
    const frontEnd = new SpectralFrontEnd(whisperMel(80));
    const live = mx.liveArrays();
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 9000 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 40 }),
        async (length, chunk, step) => {
          const samples = noise(length, length + 1);
          const whole = new MelStream(streamOf(samples, 1 << 20).samples, frontEnd);
          await whole.fill(1000);
          expect(whole.contentFrames).toBe(Math.floor(length / HOP_SAMPLES));
          const cut = new MelStream(streamOf(samples, chunk).samples, frontEnd);
          for (let end = step; !cut.ended || end < cut.contentFrames; end += step) await cut.fill(end);
          await cut.fill(1000);
          expect(cut.contentFrames).toBe(whole.contentFrames);
          expect(cut.secondsRead).toBe(length / SAMPLE_RATE);
          const [a, b] = [floats(whole.slice(0, 1000)), floats(cut.slice(0, 1000))];
          expect(a.length).toBe(b.length);
          let worst = 0;
          for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs((a[i] ?? NaN) - (b[i] ?? NaN)));
          // The order of sums in the product depends on how many frames are computed together.
          expect(worst).toBeLessThan(1e-4);
          expect(Math.abs(Number(whole.peak?.item()) - Number(cut.peak?.item()))).toBeLessThan(1e-4);
          await whole.dispose();
          await cut.dispose();
        },
      ),
      { numRuns: 40 },
    );
    expect(mx.liveArrays()).toBe(live);
    frontEnd.dispose();
  });

  test('holds only the frames of a stream that are not dropped yet', async () => {
    const frontEnd = new SpectralFrontEnd(whisperMel(80));
    let secondsMade = 0;
    async function* hour(): AsyncGenerator<Float32Array> {
      for (; secondsMade < 3600; secondsMade++) yield await Promise.resolve(noise(SAMPLE_RATE, secondsMade));
    }
    const windows = new AudioWindows(hour(), frontEnd);
    const live = mx.liveArrays();
    let maxArrays = 0;
    for (let seek = 0; seek < 40_000; seek += 2900) {
      const window = await windows.next(seek, never);
      mx.dispose(await windows.mel(window ?? NOTHING, WINDOW_FRAMES, 'zero', 'float32'));
      windows.advance(seek + 2900);
      maxArrays = Math.max(maxArrays, mx.liveArrays() - live);
      expect(secondsMade).toBeLessThanOrEqual(seek / 100 + 32); // never reads further than requested
    }
    expect(maxArrays).toBeLessThanOrEqual(4);
    await windows.dispose();
    frontEnd.dispose();
  });

  test('no audio gives no window', async () => {
    const frontEnd = new SpectralFrontEnd(whisperMel(80));
    for (const length of [0, 1, 159]) {
      const windows = new AudioWindows(streamOf(noise(length)).samples, frontEnd);
      expect(await windows.next(0, never)).toBeUndefined();
      await windows.dispose();
    }
    frontEnd.dispose();
  });
});
