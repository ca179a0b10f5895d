/** The frames of live audio equal those of the whole audio, for any chunks. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LiveMel } from '#daemon/audio/mel/live-mel.js';

import { AudioWindows } from '#daemon/models/whisper/encode/audio-windows.js';
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { whisperMel } from '#daemon/audio/mel/variants.js';
import { mx } from '#native/index.js';

const frontEnd = new SpectralFrontEnd(whisperMel(80));
afterAll(() => frontEnd.dispose());
const neverAborted = new AbortController().signal;

function tone(samples: number): Float32Array {
  return Float32Array.from(
    { length: samples },
    (_, i) => Math.sin(i * i * 1e-5) * (0.2 + 0.7 * Math.sin(i / 9000)),
  );
}

async function offline(samples: Float32Array, length: number): Promise<Float32Array> {
  async function* stream(): AsyncGenerator<Float32Array> {
    yield await Promise.resolve(samples);
  }
  const windows = new AudioWindows(stream(), frontEnd);
  const window = await windows.next(0, neverAborted);
  const mel = await windows.mel(window ?? { start: 0, frames: 0 }, length, 'silence', 'float32');
  const values = mel.toTypedArray('float32');
  mel.dispose();
  await windows.dispose();
  return values;
}

function furthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, value, i) => Math.max(max, Math.abs(value - (b[i] ?? NaN))), 0);
}

describe('the mel of live audio', () => {
  test.each([161, 400, 3999, 16_000, 40_123])('equals the offline one for %d samples', async (count) => {
    const samples = tone(count);
    const live = new LiveMel(frontEnd);
    live.push(samples);
    expect(furthest(live.window(0, 1000), await offline(samples, 1000))).toBeLessThan(1e-4);
  });

  test('does not depend on the chunks or on earlier windows', () => {
    const samples = tone(24_000);
    const whole = new LiveMel(frontEnd);
    whole.push(samples);
    const expected = whole.window(0, 400);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 7000 }), { maxLength: 8 }), (cuts) => {
        const live = new LiveMel(frontEnd);
        let at = 0;
        for (const cut of [...cuts, samples.length]) {
          live.push(samples.subarray(at, at + cut));
          at = Math.min(samples.length, at + cut);
          live.window(0, 50);
        }
        expect(live.contentFrames).toBe(150);
        expect(furthest(live.window(0, 400), expected)).toBeLessThan(1e-5);
      }),
      { numRuns: 30 },
    );
  });

  test('keeps the frames of a later window when earlier ones are dropped', () => {
    const samples = tone(48_000);
    const [all, cut] = [new LiveMel(frontEnd), new LiveMel(frontEnd)];
    for (const live of [all, cut]) {
      for (let at = 0; at < samples.length; at += 8000) live.push(samples.subarray(at, at + 8000));
    }
    const expected = all.window(123, 300);
    cut.drop(123);
    expect(furthest(cut.window(123, 300), expected)).toBe(0);
  });

  test('leaks no array', () => {
    const before = mx.liveArrays();
    const live = new LiveMel(frontEnd);
    live.push(tone(9000));
    live.window(0, 100);
    expect(mx.liveArrays()).toBe(before);
  });
});
