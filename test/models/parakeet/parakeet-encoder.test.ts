/** Local attention and padded batches give the features of transformers, in plain layers and by the CPU kernels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';

import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { normalizedFrames } from '#daemon/audio/mel/normalized-frames.js';
import { nemoMel } from '#daemon/audio/mel/variants.js';
import { encodeMel, encodeMels, MAX_FRAMES_AT_ONCE } from '#daemon/models/conformer/encode-mel.js';
import { fusedParakeet } from '#daemon/models/parakeet/fused-parakeet.js';
import { openCheckpoint, readConfig } from '#daemon/models/parakeet/parakeet-checkpoint.js';
import { Parakeet } from '#daemon/models/parakeet/parakeet-network.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { clip, decodeFloats, root, samplesOf } from '../model-fixtures.js';
import { parakeetDir } from './parakeet-fixtures.js';

interface Expected {
  readonly local: { readonly back: number; readonly ahead: number; readonly features: string };
  readonly batch: {
    readonly samples: readonly number[];
    readonly frames: readonly number[];
    readonly features: readonly string[];
  };
}
const expected = JSON.parse(
  readFileSync(join(root, 'test/fixtures/parakeet/encoder-expected.json'), 'utf8'),
) as Expected;

const samples = await samplesOf(clip('jfk.flac') ?? '');
const { signal } = new AbortController();

const distance = (found: Float32Array, wanted: Float32Array): number =>
  found.length === wanted.length
    ? wanted.reduce((worst, x, i) => Math.max(worst, Math.abs(x - (found[i] ?? NaN))), 0)
    : Infinity;

async function load(fuses: boolean): Promise<Parakeet> {
  const dir = parakeetDir('tdt-huggingface');
  const config = await readConfig(dir);
  const checkpoint = await openCheckpoint(dir, config);
  const model = new Parakeet(config);
  const weights = new Map<string, MxArray>();
  for (const name of checkpoint.names) {
    const stored = await checkpoint.array(name);
    weights.set(name, stored.astype('float32'));
    stored.dispose();
  }
  model.loadWeights(weights);
  checkpoint.close();
  if (fuses) {
    nn.fuse(model, fusedParakeet);
    if (nn.canPack()) nn.pack(model);
  }
  return model;
}

const kinds = nn.canPack() ? ['plain layers', 'kernels'] : ['plain layers'];

describe.each(kinds)('%s', (kind) => {
  const withModel = async (use: (model: Parakeet, mel: (length?: number) => MxArray) => Promise<void>) => {
    const model = await load(kind === 'kernels');
    const { bands } = model.config.encoder;
    const frontEnd = new SpectralFrontEnd(nemoMel(bands));
    try {
      await use(model, (length) => normalizedFrames(frontEnd, samples.subarray(0, length), 'per feature'));
    } finally {
      frontEnd.dispose();
      model.dispose();
    }
  };

  test('local attention sees the frames around its own', async () => {
    const { back, ahead, features } = expected.local;
    await withModel(async ({ encoder }, mel) => {
      const before = mx.liveArrays();
      const local = await encodeMel(encoder, mel(), signal, { back, ahead });
      expect(distance(local.toTypedArray('float32'), decodeFloats(features))).toBeLessThan(1e-4);
      local.dispose();
      expect(mx.liveArrays()).toBe(before);
      const full = await encodeMel(encoder, mel(), signal);
      const wide = await encodeMel(encoder, mel(), signal, { back: 500, ahead: 500 });
      expect(distance(wide.toTypedArray('float32'), full.toTypedArray('float32'))).toBe(0);
      mx.dispose([full, wide]);
    });
  });

  test('a batch has the features that each sequence has alone', async () => {
    const { samples: lengths, frames, features } = expected.batch;
    await withModel(async ({ encoder }, mel) => {
      const before = mx.liveArrays();
      const batch = await encodeMels(
        encoder,
        lengths.map((length) => mel(length)),
        signal,
      );
      for (const [i, found] of batch.entries()) {
        expect(found.shape).toEqual([frames[i], encoder.config.dims]);
        const values = found.toTypedArray('float32');
        expect(distance(values, decodeFloats(features[i] ?? ''))).toBeLessThan(1e-4);
        const alone = await encodeMel(encoder, mel(lengths[i]), signal);
        expect(distance(values, alone.toTypedArray('float32'))).toBeLessThan(1e-5);
        alone.dispose();
      }
      mx.dispose(batch);
      expect(mx.liveArrays()).toBe(before);
    });
  });
});

test('long audio passes through the subsampling in parts, with the bits of the whole', async () => {
  const model = await load(false);
  const { bands, dims } = model.config.encoder;
  const mel = mx.tidy(() => mx.random.normal([6_777, bands], { key: mx.random.key(3) }));
  const whole = mx.tidy(() => model.encoder.embed(mx.expandDims(mel, 0)));
  const context = { back: 3, ahead: 2 };
  const places = model.encoder.places(whole, context);
  const direct = mx.tidy(() => model.encoder.layers.reduce((x, layer) => layer.forward(x, places), whole));
  const inParts = await encodeMel(model.encoder, mel, signal, context);
  expect(inParts.shape).toEqual([848, dims]);
  expect(distance(inParts.toTypedArray('float32'), direct.toTypedArray('float32'))).toBeLessThan(1e-5);
  mx.dispose([whole, direct, inParts, places.sinusoids]);
  model.dispose();
});

test('long audio stops between two parts of the subsampling, and frees everything', async () => {
  const model = await load(false);
  const { bands } = model.config.encoder;
  const before = mx.liveArrays();
  const mel = mx.tidy(() => mx.random.normal([3 * MAX_FRAMES_AT_ONCE, bands], { key: mx.random.key(3) }));
  const controller = new AbortController();
  const embed = jest.spyOn(model.encoder, 'embed');
  setImmediate(() => controller.abort());
  await expect(encodeMel(model.encoder, mel, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(embed).toHaveBeenCalledTimes(1);
  expect(mx.liveArrays()).toBe(before);
  model.dispose();
});
