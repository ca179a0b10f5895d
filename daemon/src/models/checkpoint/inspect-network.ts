/** Reads a whole network for `models verify` and `models info`. */
import { throwIfCancelled } from '#daemon/async.js';
import { defined } from '#daemon/protocol/defined.js';
import type { ModelMetadata } from '#daemon/protocol/model-process.js';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { bytesOf } from '../memory/backend.js';
import type { LoadOptions } from '../speech-model.js';
import { networkOf, type Checkpoint } from './checkpoint-network.js';
import { asModelError } from './model-error.js';
import type { StoredQuantization } from './quantization.js';

type Facts = Pick<ModelMetadata, 'layout' | 'parameters' | 'dtype' | 'quantization' | 'layers' | 'notFinite'>;

/** A network whose activations have a dtype of their own. */
type Network = nn.Module & { readonly dtype: Dtype };

/**
 * Loads the network of an open checkpoint for `use`, then frees both.
 *
 * @param build makes the network of a config, with placeholders for its weights
 * @throws SottoError
 */
export async function withNetwork<
  Config extends { readonly quantization?: StoredQuantization },
  Model extends nn.Module,
  T,
>(
  checkpoint: Checkpoint<Config>,
  build: (config: Config) => Model,
  signal: AbortSignal | undefined,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  let model: Model | undefined;
  try {
    model = await networkOf(checkpoint, build, signal);
    return await use(model);
  } catch (error) {
    throw asModelError(error, checkpoint.files.join(', '));
  } finally {
    model?.dispose();
    checkpoint.close();
  }
}

/** What the weights of an open checkpoint tell; reads all of them, then frees them. @throws SottoError as `withNetwork` */
export async function inspectNetwork<
  Config extends { readonly quantization?: StoredQuantization },
  Model extends Network,
>(
  checkpoint: Checkpoint<Config>,
  build: (config: Config) => Model,
  { signal, onProgress }: LoadOptions,
): Promise<Facts> {
  return withNetwork(checkpoint, build, signal, async (model) => {
    const notFinite: string[] = [];
    await forEachArray(model.namedParameters(), signal, onProgress, async (name, array) => {
      const isFinite = mx.tidy(() => mx.all(mx.isfinite(array)));
      await mx.ready(isFinite);
      if (Number(isFinite.item()) === 0) notFinite.push(name);
      isFinite.dispose();
    });
    const { quantization } = checkpoint.config;
    const layers = layersOf(model);
    return {
      layout: checkpoint.layout,
      parameters: countParameters(build(checkpoint.config)),
      dtype: model.dtype,
      ...defined({
        quantization: quantization && { bits: quantization.bits, groupSize: quantization.groupSize },
        layers: layers.length > 1 ? layers : undefined,
      }),
      notFinite,
    };
  });
}

/** Processes arrays one at a time, which bounds memory. @throws SottoError CANCELLED */
export async function forEachArray(
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

/** Counts layers by their format, the most frequent first. */
function layersOf(model: nn.Module): NonNullable<ModelMetadata['layers']> {
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

/** Counts learned parameters, independent of their format. @param empty never evaluated, so nothing is allocated */
function countParameters(empty: nn.Module): number {
  try {
    return empty.parameters().reduce((sum, { size }) => sum + size, 0);
  } finally {
    empty.dispose();
  }
}
