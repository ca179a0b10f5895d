/** Every layout of a checkpoint gives the numbers and tokens of transformers. */
import { describe, expect, test } from '@jest/globals';

import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { normalizedFrames } from '#daemon/audio/mel/normalized-frames.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { encodeMel } from '#daemon/models/conformer/encode-mel.js';
import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';

import { clip, samplesOf, streamOf } from '../model-fixtures.js';
import { PARAKEET_CHECKPOINTS, parakeetDir, parakeetExpected } from './parakeet-fixtures.js';

const samples = await samplesOf(clip('jfk.flac') ?? '');
const { signal } = new AbortController();

const distance = (found: Float32Array, expected: Float32Array): number =>
  expected.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (found[i] ?? NaN))), 0);

async function transcribe(model: ParakeetModel, options: TranscribeOptions): Promise<TranscribeResult> {
  const events = model.transcribe(streamOf(samples), { vad: false, ...options }, signal);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value;
  }
}

const tokensOf = ({ segments }: TranscribeResult): number[] => segments.flatMap(({ tokens = [] }) => tokens);

describe.each(PARAKEET_CHECKPOINTS)('%s', (name) => {
  const expected = parakeetExpected(name);

  test('encoder output is within 1e-4, features within 5e-4', async () => {
    const before = mx.liveArrays();
    const model = await ParakeetModel.load(parakeetDir(name));
    const { config, encoder } = model.deps.model;
    const mel = new SpectralFrontEnd(nemoMel(config.encoder.bands));
    const frames = normalizedFrames(mel, samples, config.normalization);
    const rows = mx.tidy(() => mx.slice(frames, [200, 0], [204, config.encoder.bands]));
    expect(distance(rows.toTypedArray('float32'), expected.features)).toBeLessThan(5e-4);
    rows.dispose();
    const features = await encodeMel(encoder, frames, signal);
    expect(features.shape).toEqual([expected.frames, config.encoder.dims]);
    expect(distance(features.toTypedArray('float32'), expected.encoder)).toBeLessThan(1e-4);
    features.dispose();
    mel.dispose();
    model.dispose();
    expect(mx.liveArrays()).toBe(before);
  });

  test('tokens, their times and probabilities are exact', async () => {
    const model = await ParakeetModel.load(parakeetDir(name));
    try {
      const result = await transcribe(model, { tokenLogprobs: true, wordTimestamps: true });
      const ids = expected.tokens.length > 0 ? expected.tokens.map(([id]) => id) : expected.ctc;
      expect(ids.length).toBeGreaterThan(10);
      expect(tokensOf(result)).toEqual(ids);
      if (expected.text !== undefined) expect(result.text.trim()).toBe(expected.text.trim());
      const logprobs = result.segments.flatMap(({ tokenLogprobs = [] }) => tokenLogprobs);
      for (const [i, [, , , logprob]] of expected.tokens.entries())
        expect(Math.abs((logprobs[i] ?? NaN) - logprob)).toBeLessThan(1e-3);
      const words = result.segments.flatMap((segment) => segment.words ?? []);
      for (const [i, word] of words.entries()) {
        expect(word.end).toBeGreaterThanOrEqual(word.start);
        expect(word.start).toBeGreaterThanOrEqual(words[i - 1]?.start ?? 0);
        expect(word.end).toBeLessThanOrEqual(11.01);
      }
    } finally {
      model.dispose();
    }
  });
});

test('a hybrid decodes with the head that is chosen', async () => {
  const model = await ParakeetModel.load(parakeetDir('hybrid-mlx'));
  const { ctc } = parakeetExpected('hybrid-mlx');
  try {
    expect(tokensOf(await transcribe(model, { parakeet: { head: 'ctc' } }))).toEqual(ctc);
  } finally {
    model.dispose();
  }
});

test('a head that the model does not have is refused', async () => {
  const model = await ParakeetModel.load(parakeetDir('tdt-huggingface'));
  try {
    await expect(transcribe(model, { parakeet: { head: 'ctc' } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  } finally {
    model.dispose();
  }
});
