/** Tiny checkpoints as transformers and mlx-whisper save them: the network gives the numbers that those libraries gave. */
import { describe, expect, test } from '@jest/globals';

import { loadWhisper, readConfig } from '#daemon/models/whisper/load.js';
import { mx } from '#native/index.js';

import { outputs } from './checkpoint-outputs.js';
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
