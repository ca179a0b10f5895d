/** A causal Encodec in chunks, in batches, and with audio of any length. */
import { expect, test } from '@jest/globals';

import { layerSteps } from '#daemon/models/codecs/layers/seanet.js';
import { runAll } from '#daemon/models/codecs/run-chunk.js';
import { mx } from '#native/index.js';

import { testSamples } from '../codec-fixtures.js';
import {
  expectBatchEqualsAlone,
  expectChunksEqualWhole,
  expectNoLookahead,
  inChunks,
} from '../streaming-checks.js';
import { channelArray, encodecDir, loadedEncodec, plainEncodec } from './encodec-fixtures.js';

const HOP = 24;

test.each(['causal', 'dilated'] as const)('%s: chunks equal the whole', async (name) => {
  const network = await loadedEncodec(encodecDir(name));
  expect(network.firstChunkFrames).toBe(7);
  const x = channelArray(60 * HOP - 5, 1);
  for (const sizes of [[7, 1], [8, 2], [7, 5], [13], [60]])
    await expectChunksEqualWhole(network, x, 3, sizes);
  x.dispose();
  network.dispose();
});

test('a first chunk of 6 frames is not exact, which is why it must have 7', async () => {
  const network = await plainEncodec(encodecDir('causal'));
  const x = channelArray(20 * HOP, 1);
  const layers = (pass?: Parameters<typeof layerSteps>[1]) => layerSteps(network.encoder.layers, pass);
  const whole = mx.tidy(() => runAll(x, layers()).toTypedArray('float32'));
  const errorWith = async (frames: number): Promise<number> => {
    const parts = await inChunks(x, 1, [frames * HOP], layers);
    const found = mx.tidy(() => mx.concatenate(parts, 1).toTypedArray('float32'));
    mx.dispose(parts);
    return Math.max(...found.map((value, i) => Math.abs(value - (whole[i] ?? NaN))));
  };
  expect(await errorWith(6)).toBeGreaterThan(1e-3);
  expect(await errorWith(7)).toBeLessThan(1e-5);
  x.dispose();
  network.dispose();
});

test('a frame depends on no later one', async () => {
  const network = await loadedEncodec(encodecDir('causal'));
  const x = channelArray(20 * HOP, 1);
  expectNoLookahead(network, x, 4, 9);
  x.dispose();
  network.dispose();
});

test.each(['causal', 'segments'] as const)(
  '%s: a batch of unequal lengths equals each alone',
  async (name) => {
    const network = await loadedEncodec(encodecDir(name));
    const { channels } = network;
    const signals = [10 * HOP, 3 * HOP, 20 * HOP, 10 * HOP + 5, 10 * HOP + 5, 8 * HOP].map((length, i) =>
      mx.array(testSamples(length * channels, 100 * i), [length, channels]),
    );
    expectBatchEqualsAlone(network, signals, 3);
    mx.dispose(signals);
    network.dispose();
  },
);
