/** Predicted memory of random nets of medium size: weights to the byte, the longest piece within 5 % of MLX’s peak. */
import { expect, test } from '@jest/globals';

import { familyOf, footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { mx, type Dtype } from '#native/index.js';

import { emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../model-fixtures.js';
import { writeRandomMoonshine } from '../moonshine/random-moonshine.js';
import { writeRandomWav2Vec2 } from '../wav2vec2/random-wav2vec2.js';

const SECONDS = 40;

const WRITERS: Readonly<Record<string, (dir: string, dtype: Dtype) => void>> = {
  moonshine: writeRandomMoonshine,
  'wav2vec2, group norm': (dir, dtype) => writeRandomWav2Vec2(dir, 'base', dtype),
  'wav2vec2, layer norm': (dir, dtype) => writeRandomWav2Vec2(dir, 'large', dtype),
};

const CASES = Object.keys(WRITERS).flatMap((name) => [
  { name, dtype: 'float32' as const, bits: undefined },
  { name, dtype: 'float16' as const, bits: 8 as const },
  { name, dtype: 'float16' as const, bits: 4 as const },
]);

test.each(CASES)('$name, $dtype, bits: $bits', async ({ name, dtype, bits }) => {
  let dir = emptyDir();
  WRITERS[name]?.(dir, dtype);
  if (bits !== undefined) {
    const out = emptyDir();
    await (await familyOf(dir)).convert(dir, out, { bits, groupSize: 32, dtype }, {});
    dir = out;
  }
  const { weightBytes, workBytes } = await footprintOf(dir);
  const before = mx.memory.active();
  const model = await loadRecognizer(dir);
  expect(model.weightBytes).toBe(weightBytes);
  const samples = Float32Array.from({ length: SECONDS * 16_000 }, (_, i) => Math.sin(i * i) / 4);
  mx.memory.resetPeak();
  for await (const _ of model.transcribe(streamOf(samples), { vad: false }, new AbortController().signal)) {
    // Only its memory counts.
  }
  const measured = mx.memory.peak() - before;
  model.dispose();
  const ratio = (weightBytes + workBytes) / measured;
  expect(ratio).toBeGreaterThan(0.95);
  expect(ratio).toBeLessThan(1.05);
});
