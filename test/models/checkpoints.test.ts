/** Tiny checkpoints as transformers and mlx-whisper save them: the network gives the numbers that those libraries gave. */
import { describe, expect, test } from '@jest/globals';

import { makeCaches } from '#daemon/models/whisper/decode.js';
import { loadWhisper, readConfig } from '#daemon/models/whisper/load.js';
import type { Whisper } from '#daemon/models/whisper/model.js';
import { mx } from '#native/index.js';

import { checkpointFolder, CHECKPOINTS, expectedOf } from './checkpoint-folders.js';

/** The largest difference over the largest value. */
function relative(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  const scale = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return got.reduce((worst, value, i) => {
    const difference = Math.abs(value - (want[i] ?? NaN));
    return Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }, 0) / scale; // prettier-ignore
}

/** What make-checkpoint-fixtures.py gave the libraries: [1, 2 nAudioCtx, nMels] */
function mel({ config: { nAudioCtx, nMels } }: Whisper) {
  const values = Float32Array.from({ length: 2 * nAudioCtx * nMels }, (_, i) => Math.sin(i * 0.37));
  return mx.array(values, [1, 2 * nAudioCtx, nMels]);
}

export function outputs(model: Whisper, prompt: readonly number[]) {
  return mx.tidy(() => {
    const features = model.encoder.forward(mel(model).astype(model.dtype));
    const audio = model.decoder.blocks.map((block) => block.crossKeysValues(features));
    const caches = makeCaches(model);
    const hidden = model.decoder.forward(mx.array([[...prompt]], null, 'int32'), caches, audio);
    const logits = mx.take(model.decoder.logits(hidden), prompt.length - 1, 1);
    const both = {
      features: new Float32Array(features.astype('float32').toTypedArray('float32')),
      logits: new Float32Array(logits.toTypedArray('float32')),
    };
    for (const cache of caches) cache.dispose();
    return both;
  });
}

describe('checkpoints of every shape', () => {
  test('are all here', () => expect(CHECKPOINTS.length).toBe(14));

  test.each(CHECKPOINTS)('%s computes what its own library does', async (name) => {
    const folder = checkpointFolder(name);
    const expected = expectedOf(name);
    const live = mx.liveArrays();
    const model = await loadWhisper(folder, await readConfig(folder));
    const { features, logits } = outputs(model, expected.prompt);
    expect(relative(features, expected.features)).toBeLessThan(2e-3);
    const sampled = logits.filter((_, i) => i % expected.logitsStep === 0);
    expect(relative(sampled, expected.logits)).toBeLessThan(2e-3);
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test.each([
    ['huggingface', [[0, 1], [1, 0]]], // prettier-ignore
    ['distil-bfloat16', [[0, 1], [0, 0]]], // prettier-ignore
    ['mlx-npz', [[1, 0], [1, 1]]], // prettier-ignore
  ])('%s tells its alignment heads', async (name, heads) => {
    const folder = checkpointFolder(name);
    const model = await loadWhisper(folder, await readConfig(folder));
    // (mlx-whisper keeps all heads of the later half of the layers where nobody says otherwise.)
    expect(model.config.alignmentHeads).toEqual(heads);
    model.dispose();
  });
});
