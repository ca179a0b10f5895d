/** Predicted memory equals what MLX counts: weights to the byte, the peak of the longest piece within 5 %. */
import { expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { MAX_PIECE_SECONDS, ParakeetDecoder } from '#daemon/models/parakeet/parakeet-decoder.js';
import { convert } from '#daemon/models/parakeet/convert-parakeet.js';
import { parakeetFootprint } from '#daemon/models/parakeet/parakeet-footprint.js';
import { Stopwatch } from '#daemon/models/stopwatch.js';
import { mx } from '#native/index.js';

import { emptyParakeetDir } from './parakeet-fixtures.js';
import { SMALL_HYBRID, writeRandomParakeet } from './random-parakeet.js';

const { signal } = new AbortController();

test.each([
  ['float32', undefined],
  ['float16', undefined],
  ['bfloat16', undefined],
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
  await expectPredicted(dir, MAX_PIECE_SECONDS);
});

test.each([
  ['dims 512 and few channels, in which a block takes the most', {}, 60],
  ['local attention, in pieces of five minutes', { attentionContext: { back: 64, ahead: 32 } }, 300],
] as const)('%s', async (_name, own, seconds) => {
  const dir = emptyParakeetDir();
  const wide = { dims: 512, feedForwardDims: 2048, layers: 2, subsamplingChannels: 16 };
  const { encoder, transducer } = SMALL_HYBRID;
  if (transducer === undefined) throw new Error('the model has no transducer');
  const config = {
    ...SMALL_HYBRID,
    encoder: { ...encoder, ...wide, ...own },
    transducer: { ...transducer, encoderDims: wide.dims },
  };
  writeRandomParakeet(dir, config, 'float32');
  await expectPredicted(dir, seconds);
});

test('each piece of a batch adds its features', async () => {
  const rows = 12;
  const dir = emptyParakeetDir();
  writeRandomParakeet(dir, SMALL_HYBRID, 'float32');
  await expectPredicted(dir, MAX_PIECE_SECONDS, rows);
});

/** @param rows pieces at once */
async function expectPredicted(dir: string, seconds: number, rows = 1): Promise<void> {
  const { weightBytes, workBytes } = await parakeetFootprint(dir);
  const before = mx.memory.active();
  const model = await ParakeetModel.load(dir);
  try {
    expect(model.weightBytes).toBe(weightBytes);
    const samples = Float32Array.from({ length: seconds * 16_000 }, (_, i) => Math.sin(i * i) / 4);
    const piece = { start: 0, samples, spoken: undefined, evidence: undefined };
    const decoder = new ParakeetDecoder(model.deps, {});
    expect(decoder.maxSeconds).toBe(seconds);
    mx.memory.resetPeak();
    const context = { language: undefined, stopwatch: new Stopwatch() };
    await decoder.decodeBatch(
      Array.from({ length: rows }, () => piece),
      context,
      signal,
    );
    const measured = mx.memory.peak() - before - weightBytes;
    const predicted = workBytes + (rows - 1) * model.batch.rowBytes;
    expect(predicted / measured).toBeGreaterThan(0.95);
    expect(predicted / measured).toBeLessThan(1.05);
  } finally {
    model.dispose();
  }
}
