/** Tiny Moonshine checkpoints saved by transformers: the network computes what transformers does. */
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { decodeTokens, makeCaches } from '#daemon/models/moonshine/decode-tokens.js';
import { encodeSamples } from '#daemon/models/moonshine/encode-samples.js';
import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import { startLoadingMoonshine } from '#daemon/models/moonshine/load-moonshine.js';
import { openCheckpoint, readConfig } from '#daemon/models/moonshine/moonshine-checkpoint.js';
import { framesOf, MIN_SAMPLES, Moonshine } from '#daemon/models/moonshine/moonshine-network.js';
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import {
  expectedOf,
  resultOf,
  MOONSHINE_CHECKPOINTS,
  moonshineDir,
  type MoonshineCheckpoint,
} from './moonshine-dirs.js';

const { signal: never } = new AbortController();

/** The largest difference over the largest value. */
function relative(got: ArrayLike<number>, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  const scale = want.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return want.reduce((worst, value, i) => Math.max(worst, Math.abs((got[i] ?? NaN) - value)), 0) / scale;
}

type Kind = 'plain' | 'fused';

async function networkIn(name: MoonshineCheckpoint, kind: Kind): Promise<Moonshine> {
  const dir = moonshineDir(name);
  const config = await readConfig(dir);
  if (kind === 'fused') return (await startLoadingMoonshine(dir, config)).model;
  const checkpoint = await openCheckpoint(dir, config);
  const model = await networkOf(checkpoint, (read) => new Moonshine(read));
  model.toDtype('float32');
  mx.eval(...model.parameters());
  checkpoint.close();
  return model;
}

const cases = MOONSHINE_CHECKPOINTS.flatMap((name) => [[name, 'plain'] as const, [name, 'fused'] as const]);

describe.each(cases)('%s, %s', (name, kind) => {
  test('computes the features and logits of transformers, at once and token by token', async () => {
    const live = mx.liveArrays();
    const model = await networkIn(name, kind);
    const { prompt, clips } = expectedOf(name);
    const caches = makeCaches(model, 64);
    for (const { samples, features, logits } of clips) {
      const frames = framesOf(samples.length);
      const found = mx.tidy(() => model.encoder.forward(mx.array(samples, [1, samples.length])));
      expect(found.shape).toEqual([1, frames, model.config.width]);
      expect(relative(found.toTypedArray('float32'), features)).toBeLessThan(1e-5);
      const audio = mx.tidy(() => {
        const read = mx.array(features, [1, frames, model.config.width]);
        return model.decoder.layers.map((layer) => layer.crossKeysValues(read));
      });
      mx.eval(audio.flat());
      for (const cache of caches) cache.reset();
      const whole = logitsOf(model, prompt, caches, audio);
      for (const cache of caches) cache.reset();
      const stepwise = prompt.flatMap((token) => [...logitsOf(model, [token], caches, audio)]);
      // Our CPU kernels keep the cross-attention's keys and values in float16.
      expect(relative(whole, logits)).toBeLessThan(1e-4);
      expect(relative(stepwise, logits)).toBeLessThan(1e-4);
      mx.dispose(found, audio);
    }
    for (const cache of caches) cache.dispose();
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('decodes the tokens of `generate`', async () => {
    const model = await networkIn(name, kind);
    for (const { samples, tokens } of expectedOf(name).clips) {
      const audio = await encodeSamples(model, samples, never);
      const caches = makeCaches(model, tokens.length);
      const limits = { maxTokens: tokens.length, shouldStop: () => false };
      const { found } = await decodeTokens(model, audio, caches, limits, never);
      expect(found.map(({ id }) => id)).toEqual(tokens);
      mx.dispose(audio);
      for (const cache of caches) cache.dispose();
    }
    model.dispose();
  });
});

function logitsOf(
  model: Moonshine,
  tokens: readonly number[],
  caches: readonly nn.SelfAttentionCache[],
  audio: readonly nn.CrossAttentionCache[],
): Float32Array {
  const logits = mx.tidy(() => {
    const ids = mx.array(Int32Array.from(tokens), [1, tokens.length]);
    return model.decoder.logits(model.decoder.forward(ids, caches, audio));
  });
  const values = logits.toTypedArray('float32');
  logits.dispose();
  return values;
}

describe('a model directory', () => {
  test.each(MOONSHINE_CHECKPOINTS)('%s gives the tokens and the text of transformers', async (name) => {
    const live = mx.liveArrays();
    const model = await MoonshineModel.load(moonshineDir(name));
    for (const { samples, tokens, text } of expectedOf(name).clips) {
      const result = await resultOf(model, samples, { vad: false, timestamps: false });
      expect(result.segments.flatMap((segment) => segment.tokens ?? [])).toEqual(tokens);
      expect(result.text.trim()).toBe(text.trim());
      expect(result.language).toBe('en');
    }
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('is decoded from audio that is shorter than a frame', async () => {
    const model = await MoonshineModel.load(moonshineDir('odd-rotary'));
    expect(framesOf(MIN_SAMPLES)).toBe(1);
    expect(framesOf(MIN_SAMPLES - 1)).toBe(0);
    const result = await resultOf(model, new Float32Array(10).fill(0.1), { vad: false });
    expect(result.durationSeconds).toBeCloseTo(10 / 16_000);
    model.dispose();
  });
});
