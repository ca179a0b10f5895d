/** Predicted memory equals what MLX counts: weights to the byte, the peak of the longest piece within 5 %. */
import { expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { MAX_PIECE_SECONDS } from '#daemon/models/parakeet/parakeet-decoder.js';
import { convert } from '#daemon/models/parakeet/convert-parakeet.js';
import { parakeetFootprint } from '#daemon/models/parakeet/parakeet-footprint.js';
import { mx } from '#native/index.js';

import { streamOf } from '../model-fixtures.js';
import { emptyParakeetDir } from './parakeet-fixtures.js';
import { SMALL_HYBRID, writeRandomParakeet } from './random-parakeet.js';

const { signal } = new AbortController();

test.each([
  ['float32', undefined],
  ['float16', undefined],
  ['float16', 8],
  ['float16', 4],
] as const)('%s, %s bits', async (dtype, bits) => {
  let dir = emptyParakeetDir();
  writeRandomParakeet(dir, SMALL_HYBRID, dtype);
  if (bits !== undefined) {
    const out = emptyParakeetDir();
    await convert(dir, out, { bits, groupSize: 64, dtype }, {});
    dir = out;
  }
  const { weightBytes, workBytes } = await parakeetFootprint(dir);
  const before = mx.memory.active();
  const model = await ParakeetModel.load(dir);
  try {
    expect(model.weightBytes).toBe(weightBytes);
    const samples = Float32Array.from({ length: MAX_PIECE_SECONDS * 16_000 }, (_, i) => Math.sin(i * i) / 4);
    mx.memory.resetPeak();
    for await (const _event of model.transcribe(streamOf(samples), { vad: false }, signal)) {
      // only its memory counts
    }
    const measured = mx.memory.peak() - before - weightBytes;
    expect(workBytes / measured).toBeGreaterThan(0.95);
    expect(workBytes / measured).toBeLessThan(1.05);
  } finally {
    model.dispose();
  }
});
