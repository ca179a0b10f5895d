import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openAudio } from '#daemon/audio/decode-file.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { clip, pcm16, scratch, sine, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

/** Limit for a damaged clip of about a second. */
const MAX_SAMPLES = 16000 * 60 * 20;

/** Decodes to the end; every error must be a coded error about audio. */
async function survives(bytes: Uint8Array): Promise<void> {
  const path = files.write('fuzz.bin', bytes);
  let total = 0;
  try {
    const audio = await openAudio(path);
    try {
      for await (const chunk of audio.samples) {
        total += chunk.length;
        expect(chunk.every((sample) => sample >= -1 && sample <= 1)).toBe(true);
        if (total > MAX_SAMPLES) break;
      }
    } finally {
      await audio.close();
    }
  } catch (error) {
    if (!(error instanceof SottoError)) throw error;
    expect(error.code).toMatch(/^AUDIO_/);
    expect(error.message).toContain('fuzz.bin');
  }
  expect(total).toBeLessThanOrEqual(MAX_SAMPLES);
}

const CLIPS = [
  'mono-22k.flac',
  'stereo-44k.m4a',
  'fragmented-48k.mp4',
  'mono-16k.aac',
  'stereo-44k.mp3',
  'mono-16k-bare.mp3',
  'stereo.opus',
  'stereo-opus.webm',
  'mono-16k.ogg',
  'mono-16k-vorbis.webm',
];

/** Null half of the time. */
function rarely<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.option(arbitrary, { freq: 1 });
}

/** Changed bytes, a removed piece, a doubled piece, a removed end. */
const damage = fc.record({
  flips: fc.array(
    fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 0, max: 255 })),
    { maxLength: 12 },
  ),
  // Usually none: a file with a broken header never reaches the decoder.
  headFlips: fc.oneof(
    { weight: 3, arbitrary: fc.constant<[number, number][]>([]) },
    {
      weight: 1,
      arbitrary: fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 3,
      }),
    },
  ),
  cut: rarely(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 3000 }))),
  double: rarely(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 3000 }))),
  keep: fc.oneof(
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0.02, max: 1, noNaN: true }) },
  ),
});

function damaged(
  original: Uint8Array,
  how: typeof damage extends fc.Arbitrary<infer T> ? T : never,
): Uint8Array {
  let bytes = Buffer.from(original);
  for (const [place, value] of how.flips) bytes[Math.floor(place * bytes.length)] = value;
  for (const [at, value] of how.headFlips) bytes[Math.min(at, bytes.length - 1)] = value;
  if (how.cut !== null) {
    const at = Math.floor(how.cut[0] * bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + how.cut[1])]);
  }
  if (how.double !== null) {
    const at = Math.floor(how.double[0] * bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, at + how.double[1]), bytes.subarray(at)]);
  }
  return bytes.subarray(0, Math.ceil(bytes.length * how.keep));
}

const RUNS = Number(process.env.SOTTO_FUZZ_RUNS ?? 25);

describe('damaged files', () => {
  test.each(CLIPS)('%s with any damage gives audio or a coded error', async (name) => {
    const original = readFileSync(clip(name));
    await fc.assert(
      fc.asyncProperty(damage, (how) => survives(damaged(original, how))),
      { numRuns: RUNS },
    );
  });

  test('a WAV with any damage gives audio or a coded error', async () => {
    const original = wav(pcm16(sine(440, 22050, 0.5)), { sampleRate: 22050, extensible: true });
    await fc.assert(
      fc.asyncProperty(damage, (how) => survives(damaged(original, how))),
      { numRuns: RUNS * 2 },
    );
  });

  test('random bytes after each known header give audio or a coded error', async () => {
    const beginnings = [
      '',
      'RIFF....WAVE',
      'RF64....WAVEds64',
      'FORM....AIFC',
      'fLaC',
      'OggS',
      '\x1aE\xdf\xa3',
      '....ftypM4A ',
      '....moov',
      'ID3\x04\0\0\0\0\0\x05',
      '\xff\xfb\x90\x64',
      '\xff\xf1\x50\x80',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...beginnings),
        fc.uint8Array({ maxLength: 3000 }),
        (beginning, bytes) => survives(Buffer.concat([Buffer.from(beginning, 'latin1'), bytes])),
      ),
      { numRuns: RUNS * 8 },
    );
  });
});
