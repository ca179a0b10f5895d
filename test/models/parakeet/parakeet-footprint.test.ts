/** Predicted memory equals what MLX counts: weights to the byte, the peak of the longest piece within 5 %. */
import { expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import {
  chosenContext,
  MAX_PIECE_SECONDS,
  ParakeetDecoder,
} from '#daemon/models/parakeet/parakeet-decoder.js';
import { convert } from '#daemon/models/parakeet/convert-parakeet.js';
import type { ParakeetConfig } from '#daemon/models/parakeet/parakeet-config.js';
import { parakeetFootprint } from '#daemon/models/parakeet/parakeet-footprint.js';
import type { ParakeetOptions } from '#daemon/models/parakeet/parakeet-options.js';
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

/** A block takes more than the subsampling. */
function wideConfig(own: Partial<ParakeetConfig['encoder']> = {}): ParakeetConfig {
  const wide = { dims: 512, feedForwardDims: 2048, layers: 2, subsamplingChannels: 16 };
  const { encoder, transducer } = SMALL_HYBRID;
  if (transducer === undefined) throw new Error('the model has no transducer');
  return {
    ...SMALL_HYBRID,
    encoder: { ...encoder, ...wide, ...own },
    transducer: { ...transducer, encoderDims: wide.dims },
  };
}

test.each([
  ['dims 512 and few channels, in which a block takes the most', {}, 60],
  ['local attention, in pieces of five minutes', { attentionContext: { back: 64, ahead: 32 } }, 300],
] as const)('%s', async (_name, own, seconds) => {
  const dir = emptyParakeetDir();
  writeRandomParakeet(dir, wideConfig(own), 'float32');
  await expectPredicted(dir, seconds);
});

test.each([
  ['in pieces of five minutes', [64, 32], 300, 1],
  ['several at once', [128, 128], 300, 2],
  ['too wide for longer pieces', [600, 600], 60, 1],
] as const)('local attention that a request chooses, %s', async (_name, localAttention, seconds, rows) => {
  const dir = emptyParakeetDir();
  writeRandomParakeet(dir, wideConfig(), 'float32');
  await expectPredicted(dir, seconds, { rows, localAttention: [...localAttention] });
});

test('each piece of a batch adds its features', async () => {
  const dir = emptyParakeetDir();
  writeRandomParakeet(dir, SMALL_HYBRID, 'float32');
  await expectPredicted(dir, MAX_PIECE_SECONDS, { rows: 12 });
});

interface Request extends ParakeetOptions {
  /** Pieces at once. */
  readonly rows?: number;
}

async function expectPredicted(dir: string, seconds: number, request: Request = {}): Promise<void> {
  const { rows = 1, ...own } = request;
  const { weightBytes, workBytes } = await parakeetFootprint(dir, chosenContext(own.localAttention));
  const before = mx.memory.active();
  const model = await ParakeetModel.load(dir);
  try {
    expect(model.weightBytes).toBe(weightBytes);
    const samples = Float32Array.from({ length: seconds * 16_000 }, (_, i) => Math.sin(i * i) / 4);
    const piece = { start: 0, samples, spoken: undefined, evidence: undefined };
    const decoder = new ParakeetDecoder(model.deps, own);
    expect(decoder.maxSeconds).toBe(seconds);
    mx.memory.resetPeak();
    const context = { language: undefined, stopwatch: new Stopwatch() };
    await decoder.decodeBatch(
      Array.from({ length: rows }, () => piece),
      context,
      signal,
    );
    const measured = mx.memory.peak() - before - weightBytes;
    const predicted = workBytes + (rows - 1) * model.batch.rowBytes({ parakeet: own });
    expect(predicted / measured).toBeGreaterThan(0.95);
    expect(predicted / measured).toBeLessThan(1.05);
  } finally {
    model.dispose();
  }
}
