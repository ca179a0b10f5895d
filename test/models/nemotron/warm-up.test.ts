/** The state that a resumed session computes again, in few passes, gives the same bits as chunk after chunk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';

import { melFramesOf, warmUpChunks, warmUpDepth } from '#daemon/models/conformer/causal-config.js';
import { ChunkEncoder, disposeState } from '#daemon/models/conformer/chunk-encoder.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { mx, type MxArray } from '#native/index.js';
import { writeRandomNemotron } from '#test/bench/random-nemotron.js';

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'nemotron-warm-up-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [undefined, 7],
  [8, 7],
  [8, 1],
  [8, 14],
] as const)('weights of %s bits, chunks of %d frames', async (bits, chunkFrames) => {
  const model = await NemotronModel.load(await writeRandomNemotron(folder, 'small', bits));
  const { encoder: network, config, dtype } = model.deps.model;
  const encoder = new ChunkEncoder(network, chunkFrames, dtype);
  const warm = warmUpChunks(config.encoder, chunkFrames);
  const last = warm + 3;
  const melOf = (chunk: number): MxArray => {
    const frames = melFramesOf(chunk + 1, chunkFrames) - melFramesOf(chunk, chunkFrames);
    return mx.random.normal([frames, config.encoder.bands], { key: mx.random.key(chunk) });
  };

  let state = encoder.start();
  let expected: Float32Array | undefined;
  for (let chunk = 0; chunk <= last; chunk++) {
    const encoded = await encoder.encode(melOf(chunk), state, false, never);
    expected = encoded.features.toTypedArray('float32');
    encoded.features.dispose();
    disposeState(state);
    state = encoded.state;
  }
  disposeState(state);

  const resumed = async (first: number): Promise<Float32Array> => {
    let warming = encoder.startWithin();
    for (let chunk = first; chunk < last;) {
      const end = Math.min(last, chunk + encoder.warmUpChunksAtOnce);
      const mels = Array.from({ length: end - chunk }, (_, i) => melOf(chunk + i));
      warming = await encoder.warmUp(mels, warming, last - end, never);
      chunk = end;
    }
    const encoded = await encoder.encode(melOf(last), warming, false, never);
    const features = encoded.features.toTypedArray('float32');
    encoded.features.dispose();
    for (const one of [warming, encoded.state]) disposeState(one);
    return features;
  };
  expect(await resumed(last - warm)).toEqual(expected);
  expect(await resumed(last - Math.floor(warm / 2))).not.toEqual(expected);
  encoder.dispose();
  model.dispose();
});

test('the further before, the fewer layers a chunk passes through', () => {
  const config = {
    ...{ bands: 128, layers: 3, dims: 64, heads: 8, feedForwardDims: 256, kernelSize: 9 },
    ...{ subsamplingChannels: 64, hasBias: false, hasConvolutionBias: false, isInputScaled: false },
    leftFrames: 70,
  };
  // 10 chunks by attention and 2 by convolution in each layer, and one for the subsampling.
  expect(warmUpChunks(config, 7)).toBe(37);
  expect([1, 12, 13, 24, 25, 36, 37].map((before) => warmUpDepth(config, 7, before))).toEqual([
    3, 3, 2, 2, 1, 1, 0,
  ]);
});
