/** The same audio gives the same bytes: repeated, in another process, in any chunks, after any other audio. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { clip, joined, samplesOf, starterModel, streamOf } from './model-fixtures.js';

const RATE = 16_000;
/** Samples in every window. */
const DRAWN: TranscribeOptions = { language: 'en', temperature: [0.7], wordTimestamps: true };
const GREEDY: TranscribeOptions = { wordTimestamps: true };

let model: WhisperModel;
let short: Float32Array; // 4 s
let long: Float32Array; // two windows, the second louder, and pauses
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  const jfk = await samplesOf(clip('jfk.flac') ?? '');
  short = jfk.slice(0, 4 * RATE);
  const soft = jfk.map((x) => x / 30);
  long = joined(soft, new Float32Array(7 * RATE), jfk.slice(0, 7 * RATE), new Float32Array(9 * RATE), short);
});
afterAll(() => {
  model.dispose();
});

/** Everything but the timings. */
async function bytes(
  samples: Float32Array,
  options: TranscribeOptions,
  chunkSamples?: number,
): Promise<string> {
  const run = model.transcribe(streamOf(samples, chunkSamples), options, new AbortController().signal);
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) return JSON.stringify({ ...value, timings: undefined });
  }
}

describe('the same bytes', () => {
  test.each([
    ['greedy', GREEDY],
    ['drawn', DRAWN],
  ])('twice in a row, with another transcription between: %s', async (_, options) => {
    const first = await bytes(short, options);
    await bytes(short.map((x) => -x).reverse(), {
      vad: false,
      temperature: [0.4],
      whisper: { seed: 5 },
      beamSize: 2,
      language: 'de',
    });
    expect(await bytes(short, options)).toBe(first);
    expect(first).toMatch(/Americans/i);
  });

  test('for any chunks of audio', async () => {
    const first = await bytes(long, GREEDY);
    for (const chunk of [1601, long.length]) expect(await bytes(long, GREEDY, chunk)).toBe(first);
    expect(first).toMatch(/country/);
  });

  test('in another process', async () => {
    const expected = await bytes(short, DRAWN);
    const there = spawnSync(
      process.execPath,
      [
        fileURLToPath(new URL('./transcribe-once.js', import.meta.url)),
        JSON.stringify(DRAWN),
        String(short.length),
      ],
      { encoding: 'utf8', timeout: 110_000 },
    );
    expect(there.stderr).toBe('');
    expect(there.stdout).toBe(expected);
  });
});

test('another seed samples another text', async () => {
  const hot: TranscribeOptions = { ...DRAWN, temperature: [1.6] };
  const texts = new Set<string>();
  for (const seed of [0, 1, 2]) texts.add(await bytes(short, { ...hot, whisper: { seed } }));
  expect(texts.size).toBeGreaterThan(1);
});
