/** Inspects a Whisper checkpoint and converts it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { defined } from '#daemon/protocol/defined.js';
import { throwIfCancelled } from '#daemon/async.js';
import { messageOf, SottoError } from '#daemon/protocol/errors.js';
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LoadOptions } from '../../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import { bytesOf } from '../memory/backend.js';
import { mlxConfig, type StoredQuantization, type WhisperConfig } from '../whisper-config.js';
import { languagesOf } from '../whisper-capabilities.js';
import { networkOf, readConfig } from './load-whisper.js';
import { Whisper } from '../model.js';
import { assertPatternsMatch, quantizationRule, toStoredQuantization } from './quantize-rules.js';

export async function inspect(
  dir: string,
  { signal, onProgress }: LoadOptions,
): Promise<Omit<ModelMetadata, 'files' | 'footprint'>> {
  return withNetwork(dir, signal, async (model, checkpoint) => {
    const { config } = model;
    const named = model.namedParameters();
    const notFinite: string[] = [];
    await forEachArray(named, signal, onProgress, async (name, array) => {
      const isFinite = mx.tidy(() => mx.all(mx.isfinite(array)));
      await mx.ready(isFinite);
      if (Number(isFinite.item()) === 0) notFinite.push(name);
      isFinite.dispose();
    });
    const { quantization } = config;
    const layers = layersOf(model);
    return {
      family: 'whisper',
      layout: checkpoint.layout,
      parameters: countParameters(config),
      dtype: model.dtype,
      ...defined({
        quantization: quantization && { bits: quantization.bits, groupSize: quantization.groupSize },
        layers: layers.length > 1 ? layers : undefined,
      }),
      languages: languagesOf(config),
      tasks: ['transcribe'],
      notFinite,
    };
  });
}

/**
 * Writes `config.json` and `weights.safetensors`. Quantized weights are dequantized first, so quantizing them again adds up
 * both rounding errors.
 */
export async function convert(
  dir: string,
  out: string,
  options: ConvertOptions,
  { signal, onProgress }: LoadOptions,
): Promise<void> {
  const { dtype } = options;
  await withNetwork(dir, signal, async (model) => {
    nn.dequantize(model, dtype);
    model.toDtype(dtype);
    const quantization = quantize(model, options);
    const named = model.namedParameters();
    await forEachArray(named, signal, onProgress, (_, array) => mx.ready(array));
    const { quantization: _quantization, ...config } = model.config;
    const heads = headsOf(config);
    try {
      mx.saveSafetensors(
        join(out, 'weights.safetensors'),
        { ...Object.fromEntries(named), ...defined({ alignment_heads: heads }) },
        { format: 'mlx' },
      );
    } finally {
      heads?.dispose();
    }
    const written = mlxConfig({ ...config, ...defined({ quantization }) });
    await writeFile(join(out, 'config.json'), `${JSON.stringify(written, null, 2)}\n`);
  });
}

/** @returns the entry for `config.json`; undefined if no layer is quantized */
function quantize(model: Whisper, options: ConvertOptions): StoredQuantization | undefined {
  const rule = quantizationRule(options, model.config);
  try {
    const layers: string[] = [];
    for (const [name, layer] of model.namedModules()) {
      if (layer instanceof nn.Linear || layer instanceof nn.Embedding) layers.push(name);
    }
    assertPatternsMatch(options, layers);
    const quantized = nn.quantize(model, { predicate: (name) => rule(name) });
    return toStoredQuantization(quantized, rule);
  } catch (cause) {
    if (cause instanceof SottoError) throw cause;
    throw new SottoError('INVALID_ARGUMENT', messageOf(cause), {
      cause,
      hint: 'use another group size: 32 fits every published model',
    });
  }
}

/** Counts layers by their format, the most frequent first. */
function layersOf(model: Whisper): NonNullable<ModelMetadata['layers']> {
  const ways = new Map<string, { bits: number; groupSize?: number; count: number }>();
  for (const layer of model.namedModules().values()) {
    let way: { bits: number; groupSize?: number } | undefined;
    if (layer instanceof nn.QuantizedLinear || layer instanceof nn.QuantizedEmbedding) {
      way = { bits: layer.bits, groupSize: layer.groupSize };
    } else if (layer instanceof nn.Linear || layer instanceof nn.Embedding) {
      way = { bits: 8 * bytesOf(layer.weight.dtype) };
    }
    if (way === undefined) continue;
    const key = JSON.stringify(way);
    const { count } = ways.get(key) ?? { count: 0 };
    ways.set(key, { ...way, count: count + 1 });
  }
  return [...ways.values()].sort((a, b) => b.count - a.count);
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

/** Processes arrays one at a time, which bounds memory. @throws SottoError CANCELLED */
async function forEachArray(
  arrays: ReadonlyMap<string, MxArray>,
  signal: AbortSignal | undefined,
  onProgress: ((fraction: number) => void) | undefined,
  work: (name: string, array: MxArray) => Promise<void>,
): Promise<void> {
  let done = 0;
  for (const [name, array] of arrays) {
    throwIfCancelled(signal);
    await work(name, array);
    onProgress?.(++done / arrays.size);
  }
}

/** mlx-whisper stores them with the weights. int32 [n, 2], or undefined */
function headsOf({ alignmentHeads }: WhisperConfig): MxArray | undefined {
  if (alignmentHeads === undefined) return undefined;
  return mx.array(
    alignmentHeads.map((pair) => [...pair]),
    null,
    'int32',
  );
}

/** Counts learned parameters, independent of their format. */
function countParameters(config: WhisperConfig): number {
  using empty = new Whisper(config); // never evaluated, so nothing is allocated
  return empty.parameters().reduce((sum, { size }) => sum + size, 0);
}
