/** Tiny checkpoints saved by transformers and mlx-whisper: the network computes the outputs of those libraries. */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { loadWhisper, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { mx } from '#native/index.js';

import { outputs } from './checkpoint-outputs.js';
import { checkpointDir, CHECKPOINTS, editJson, expectedOf } from './checkpoint-dirs.js';

/** The largest difference over the largest value. */
function relative(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  const scale = want.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return got.reduce((worst, value, i) => {
    const difference = Math.abs(value - (want[i] ?? NaN));
    return Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }, 0) / scale; // prettier-ignore
}

describe('checkpoints of every layout', () => {
  test('are complete', () => expect(CHECKPOINTS.length).toBe(14));

  test.each(CHECKPOINTS)('%s computes the outputs of its own library', async (name) => {
    const folder = checkpointDir(name);
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
    const folder = checkpointDir(name);
    const model = await loadWhisper(folder, await readConfig(folder));
    // (mlx-whisper uses all heads of the later half of the layers by default.)
    expect(model.config.alignmentHeads).toEqual(heads);
    model.dispose();
  });

  test('are recognized by their contents, for any mix of config, array names and file names', async () => {
    // As written by mlx-audio: transformers' config, MLX's names and quantization.
    const mixed = checkpointDir('huggingface');
    const packed = checkpointDir('mlx-4bit');
    rmSync(join(mixed, 'model.safetensors'));
    renameSync(join(packed, 'weights.safetensors'), join(mixed, 'model.safetensors'));
    editJson(join(mixed, 'config.json'), (config) => {
      Object.assign(config, {
        encoder_layers: 1,
        quantization: { group_size: 32, bits: 4 },
        quantization_config: { group_size: 32, bits: 4 },
      });
    });
    const expected = expectedOf('mlx-4bit');
    const model = await loadWhisper(mixed, await readConfig(mixed));
    expect(relative(outputs(model, expected.prompt).features, expected.features)).toBeLessThan(2e-3);
    model.dispose();
  });

  test('load without the `model.` prefix', async () => {
    const folder = checkpointDir('huggingface');
    const path = join(folder, 'model.safetensors');
    const { arrays } = mx.loadSafetensors(path);
    mx.eval(Object.values(arrays));
    const bare = Object.entries(arrays).map(
      ([name, array]) => [name.replace(/^model\./, ''), array] as const,
    );
    mx.saveSafetensors(path, Object.fromEntries(bare));
    const expected = expectedOf('huggingface');
    const model = await loadWhisper(folder, await readConfig(folder));
    expect(relative(outputs(model, expected.prompt).features, expected.features)).toBeLessThan(2e-3);
    model.dispose();
  });

  test('may quantize a layer differently', async () => {
    const folder = checkpointDir('mlx-4bit');
    const path = join(folder, 'weights.safetensors');
    const { arrays } = mx.loadSafetensors(path);
    mx.eval(Object.values(arrays));
    const whole = mx.loadSafetensors(join(checkpointDir('mlx'), 'weights.safetensors')).arrays;
    const name = 'decoder.token_embedding';
    const { [`${name}.scales`]: _scales, [`${name}.biases`]: _biases, ...rest } = arrays;
    const embedding = whole[`${name}.weight`];
    if (embedding === undefined) throw new Error('the embedding is missing');
    mx.saveSafetensors(path, { ...rest, [`${name}.weight`]: embedding });
    editJson(join(folder, 'config.json'), (config) => {
      config.quantization = { group_size: 32, bits: 4, [name]: false };
    });
    const model = await loadWhisper(folder, await readConfig(folder));
    expect(model.config.quantization?.layers?.get(name)).toBe(false);
    model.dispose();
  });
});
