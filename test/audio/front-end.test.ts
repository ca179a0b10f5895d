/** Frames of each published front end: equal to the reference's, and the same for live audio. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameStream } from '#daemon/audio/mel/frame-stream.js';
import { SpectralFrontEnd, type FrontEndConfig } from '#daemon/audio/mel/front-end.js';
import { kaldiFilterBanks, nemoMel, vocoderMel, vocosMel, whisperMel } from '#daemon/audio/mel/variants.js';
import type { MxArray } from '#native/index.js';
import { clip, decodeFloats, root, samplesOf } from '../models/model-fixtures.js';

interface Fixture {
  readonly clip: string;
  readonly samples: number;
  readonly variants: readonly {
    readonly name: string;
    readonly bands: number;
    readonly frames: number;
    readonly rows: readonly number[];
    readonly values: string;
  }[];
}

const reference = JSON.parse(
  readFileSync(join(root, 'test/fixtures/audio/mel-variants.json'), 'utf8'),
) as Fixture;

const VOCODER = { sampleRate: 24_000, hopSamples: 256, fftSamples: 1024, maxHz: 12_000 };
const VARIANTS: Readonly<Record<string, (bands: number) => FrontEndConfig>> = {
  nemo: nemoMel,
  kaldi: kaldiFilterBanks,
  hifigan: (bands) => vocoderMel({ ...VOCODER, bands }),
  vocos: (bands) => vocosMel({ ...VOCODER, bands }),
  whisper: whisperMel,
};

/** Largest difference of natural logarithms; the references agree with each other to 2e-4. */
const TOLERANCE = 2e-4;
/** The same for bands more than 65 dB below the loudest one, where float32 spectra hold the noise of that one. */
const QUIET_TOLERANCE = 2e-3;
const QUIET_NEPERS = 7.5;

let made: SpectralFrontEnd[] = [];
afterEach(() => {
  for (const frontEnd of made) frontEnd.dispose();
  made = [];
});

function frontEndOf(name: string, bands: number): SpectralFrontEnd {
  const variant = VARIANTS[name];
  if (variant === undefined) throw new Error(`no variant ${name}`);
  const frontEnd = new SpectralFrontEnd(variant(bands));
  made.push(frontEnd);
  return frontEnd;
}

/** All frames of audio that comes in these pieces. */
function framesOf(
  frontEnd: SpectralFrontEnd,
  pieces: readonly Float32Array[],
  groupFrames = 7,
): Float32Array {
  const stream = new FrameStream(frontEnd, groupFrames);
  const parts = [...pieces.map((piece) => stream.push(piece)), stream.end()];
  return Float32Array.from(parts.flatMap((part) => [...valuesOf(part)]));
}

function valuesOf(frames: MxArray): Float32Array {
  const values = frames.toTypedArray('float32');
  frames.dispose();
  return values;
}

function noise(count: number): Float32Array {
  let state = 7;
  return Float32Array.from({ length: count }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * Math.sin(i / 700);
  });
}

describe('the frames of a front end', () => {
  test.each(reference.variants)('$name with $bands bands are the reference’s', async (wanted) => {
    const path = clip(reference.clip);
    if (path === undefined) throw new Error(`${reference.clip} should be in assets/speech`);
    const samples = (await samplesOf(path)).subarray(0, reference.samples);
    const frames = framesOf(frontEndOf(wanted.name, wanted.bands), [samples]);
    // One more frame than NeMo's is centered on the end of the audio: its consumers leave that out.
    const surplus = wanted.name === 'nemo' ? 1 : 0;
    expect(frames.length).toBe((wanted.frames + surplus) * wanted.bands);
    const values = decodeFloats(wanted.values);
    const isPower = VARIANTS[wanted.name]?.(wanted.bands).spectrum.kind === 'power';
    const worst = { loud: 0, quiet: 0 };
    for (const [i, row] of wanted.rows.entries()) {
      const expected = values.subarray(i * wanted.bands, (i + 1) * wanted.bands);
      const quiet = Math.max(...expected) - QUIET_NEPERS * (isPower ? 2 : 1);
      for (const [band, value] of expected.entries()) {
        const key = value < quiet ? 'quiet' : 'loud';
        worst[key] = Math.max(worst[key], Math.abs((frames[row * wanted.bands + band] ?? NaN) - value));
      }
    }
    expect(worst.loud).toBeLessThanOrEqual(TOLERANCE);
    expect(worst.quiet).toBeLessThanOrEqual(QUIET_TOLERANCE);
  });

  test.each(Object.keys(VARIANTS))('of %s don’t depend on how the audio is cut', (name) => {
    const frontEnd = frontEndOf(name, 80);
    const samples = noise(9_000);
    const whole = framesOf(frontEnd, [samples]);
    expect(whole.length % 80).toBe(0);
    expect(whole.length).toBeGreaterThan(30 * 80);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 8 }), (cuts) => {
        const pieces: Float32Array[] = [];
        let at = 0;
        for (const cut of [...cuts, samples.length]) {
          pieces.push(samples.subarray(at, at + cut));
          at = Math.min(samples.length, at + cut);
        }
        expect(Buffer.from(framesOf(frontEnd, pieces).buffer).equals(Buffer.from(whole.buffer))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test.each(Object.keys(VARIANTS))('of %s exist for the shortest audio', (name) => {
    const frontEnd = frontEndOf(name, 80);
    for (const count of [0, 1, 2, 159, 401])
      for (const value of framesOf(frontEnd, [noise(count)])) expect(Number.isFinite(value)).toBe(true);
  });
});
