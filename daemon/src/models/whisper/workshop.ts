/** Looking into a Whisper checkpoint, and writing it anew. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions, ModelFacts } from '#daemon/protocol/model-work.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LoadOptions } from '../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import { mlxConfig, type WhisperConfig } from './config.js';
import { LANGUAGE_CODES } from './languages.js';
import { networkOf, readConfig } from './load.js';
import { Whisper } from './model.js';

export const whisperWorkshop = { inspect, convert };

async function inspect(dir: string, { signal, onProgress }: LoadOptions): Promise<Omit<ModelFacts, 'files'>> {
  return withNetwork(dir, signal, async (model, checkpoint) => {
    const { config } = model;
    const named = model.namedParameters();
    const notFinite: string[] = [];
    await inTurn(named, signal, onProgress, async (name, array) => {
      const isFinite = mx.tidy(() => mx.all(mx.isfinite(array)));
      await mx.ready(isFinite);
      if (Number(isFinite.item()) === 0) notFinite.push(name);
      isFinite.dispose();
    });
    const { quantization } = config;
    return {
      family: 'whisper',
      layout: checkpoint.layout,
      parameters: countParameters(config),
      dtype: model.dtype,
      ...(quantization && {
        quantization: { bits: quantization.bits, groupSize: quantization.groupSize },
      }),
      languages: config.isMultilingual ? LANGUAGE_CODES.slice(0, config.numLanguages) : ['en'],
      notFinite,
    };
  });
}

/**
 * Writes `config.json` and `weights.safetensors`. Packed weights are expanded first, so packing them anew adds the
 * rounding of this packing to that of the one before.
 */
async function convert(
  dir: string,
  out: string,
  { bits, groupSize, dtype }: ConvertOptions,
  { signal, onProgress }: LoadOptions,
): Promise<void> {
  await withNetwork(dir, signal, async (model) => {
    nn.dequantize(model, dtype);
    model.toDtype(dtype);
    if (bits !== undefined) quantize(model, { bits, groupSize });
    const named = model.namedParameters();
    await inTurn(named, signal, onProgress, (_, array) => mx.ready(array));
    const { quantization: _packedBefore, ...config } = model.config;
    const heads = headsOf(config);
    try {
      mx.saveSafetensors(
        join(out, 'weights.safetensors'),
        { ...Object.fromEntries(named), ...(heads && { alignment_heads: heads }) },
        { format: 'mlx' },
      );
    } finally {
      heads?.dispose();
    }
    const written = mlxConfig({
      ...config,
      ...(bits !== undefined && { quantization: { bits, groupSize } }),
    });
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
  });
}

function quantize(model: Whisper, quantization: { bits: number; groupSize: number }): void {
  try {
    nn.quantize(model, quantization);
  } catch (cause) {
    throw new SottoError('INVALID_ARGUMENT', messageOf(cause), {
      cause,
      hint: 'choose another group size',
    });
  }
}

async function withNetwork<T>(
  dir: string,
  signal: AbortSignal | undefined,
  use: (model: Whisper, checkpoint: Checkpoint) => Promise<T>,
): Promise<T> {
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  let model: Whisper | undefined;
  try {
    model = await networkOf(checkpoint, signal);
    return await use(model, checkpoint);
  } catch (error) {
    throw asModelError(error, checkpoint.files.join(', '));
  } finally {
    model?.dispose();
    checkpoint.close();
  }
}

/** One array after another, so that no more than one is computed at a time. @throws SottoError CANCELLED */
async function inTurn(
  arrays: ReadonlyMap<string, MxArray>,
  signal: AbortSignal | undefined,
  onProgress: ((fraction: number) => void) | undefined,
  work: (name: string, array: MxArray) => Promise<void>,
): Promise<void> {
  let done = 0;
  for (const [name, array] of arrays) {
    if (signal?.aborted === true) throw new SottoError('CANCELLED', 'the work on the model was cancelled');
    await work(name, array);
    onProgress?.(++done / arrays.size);
  }
}

/** mlx-whisper keeps them among the weights. int32 [n, 2], or undefined */
function headsOf({ alignmentHeads }: WhisperConfig): MxArray | undefined {
  if (alignmentHeads === undefined) return undefined;
  return mx.array(
    alignmentHeads.map((pair) => [...pair]),
    null,
    'int32',
  );
}

/** Numbers that were learned, each once, however they are stored. */
function countParameters(config: WhisperConfig): number {
  using empty = new Whisper(config); // nothing is computed, so nothing is allocated
  return empty.parameters().reduce((sum, { size }) => sum + size, 0);
}
