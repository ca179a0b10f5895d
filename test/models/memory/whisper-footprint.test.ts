/** Compares the predicted memory of a model with the measured one. */
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from '@jest/globals';

import { WhisperModel } from '#daemon/models/whisper/index.js';
import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { openCheckpoint } from '#daemon/models/whisper/checkpoint/checkpoint.js';
import { parseConfig } from '#daemon/models/whisper/whisper-config.js';
import { secondBeamSizeFor } from '#daemon/models/whisper/decode/second-decode.js';
import { footprint, uniformWeights } from '#daemon/models/whisper/memory/whisper-footprint.js';
import { castToFloat16, networkOf, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { storedWeights } from '#daemon/models/whisper/checkpoint/stored-weights.js';
import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { CHECKPOINTS, checkpointDir, emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { clip, samplesOf, starterModel, transcribed } from '../model-fixtures.js';
import { SIZES } from '../model-sizes.js';
import { fusedWhisper } from '#daemon/models/whisper/fused-model.js';

/** Bytes of the weights on a GPU, or on the CPU without our kernels. */
async function laidOut(dir: string, backend: 'gpu' | 'cpu'): Promise<number> {
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  const model = await networkOf(checkpoint);
  nn.fuse(model, fusedWhisper);
  if (backend === 'cpu') {
    nn.dequantize(model, 'float32');
    model.toDtype('float32');
  } else castToFloat16(model);
  const { nbytes } = model;
  model.dispose();
  checkpoint.close();
  return nbytes;
}

describe('the footprint of a model', () => {
  test.each([
    ...CHECKPOINTS.map((name) => [name, () => checkpointDir(name)] as const),
    ['the starter', starterModel] as const,
  ])('has the exact weight bytes of %s on every backend', async (_, folder) => {
    const dir = folder();
    const live = mx.liveArrays();
    const predicted = await footprintOf(dir);
    expect(mx.liveArrays()).toBe(live);
    const model = await loadRecognizer(dir);
    expect(predicted.weightBytes).toBe(model.weightBytes);
    model.dispose();
    const config = await readConfig(dir);
    const stored = await storedWeights(dir);
    for (const backend of ['gpu', 'cpu'] as const) {
      expect(footprint(config, stored, backend).weightBytes).toBe(await laidOut(dir, backend));
    }
  });

  test('a GPU has float32 checkpoints in float16', async () => {
    const dir = checkpointDir('huggingface-english-float32');
    const config = await readConfig(dir);
    const stored = await storedWeights(dir);
    expect(stored.dtypeOf('decoder.positional_embedding')).toBe('float32');
    const model = await networkOf(await openCheckpoint(dir, config));
    castToFloat16(model);
    expect(
      model
        .parameters()
        .map(({ dtype }) => dtype)
        .filter((dtype) => dtype !== 'float16'),
    ).toEqual([]);
    model.dispose();
  });

  test('matches a transcription of two windows with word timestamps within 15 %', async () => {
    const file = clip('sonnet1.mp3');
    if (file === undefined) throw new Error('the clip is part of the repository');
    const dir = starterModel();
    const predicted = await footprintOf(dir);
    const samples = await samplesOf(file);
    const before = mx.memory.active();
    const model = await WhisperModel.load(dir);
    mx.memory.resetPeak();
    await transcribed(model, samples, { wordTimestamps: true });
    const measured = mx.memory.peak() - before;
    model.dispose();
    expect(Math.abs((predicted.weightBytes + predicted.workBytes) / measured - 1)).toBeLessThan(0.15);
  });

  test('fails with the same code as loading the model', async () => {
    const cut = checkpointDir('mlx');
    truncateSync(join(cut, 'weights.safetensors'), 4_000);
    const bare = checkpointDir('mlx');
    rmSync(join(bare, 'weights.safetensors'));
    for (const dir of [cut, bare, emptyDir(), '/nowhere']) {
      const loadError = await loadRecognizer(dir).catch((error: unknown) => error);
      await expect(footprintOf(dir)).rejects.toMatchObject({ code: (loadError as { code: string }).code });
    }
  });

  test('never shrinks with more bits, more layers or a larger width', () => {
    const sizes = Object.values(SIZES).map(parseConfig);
    const backend = fc.constantFrom('gpu', 'kernels', 'cpu' as const);
    fc.assert(
      fc.property(fc.constantFrom(...sizes), backend, (config, by) => {
        const of = (bits: number | undefined, c = config): number => {
          const packed = bits === undefined ? c : { ...c, quantization: { bits, groupSize: 64 } };
          return footprint(packed, uniformWeights(packed, 'float16'), by).weightBytes;
        };
        expect(of(2)).toBeLessThanOrEqual(of(4));
        expect(of(4)).toBeLessThanOrEqual(of(8));
        const deeper = { ...config, nTextLayer: config.nTextLayer + 1 };
        expect(of(undefined)).toBeLessThan(of(undefined, deeper));
        const work = footprint(config, uniformWeights(config, 'float16'), by);
        expect(work.workBytes).toBeGreaterThanOrEqual(Math.max(...Object.values(work.work)));
        // Deep decoders make no second decode with beams.
        if (secondBeamSizeFor(deeper) !== secondBeamSizeFor(config)) return;
        expect(footprint(deeper, uniformWeights(config, 'float16'), by).workBytes).toBeGreaterThanOrEqual(
          work.workBytes,
        );
      }),
    );
  });
});
