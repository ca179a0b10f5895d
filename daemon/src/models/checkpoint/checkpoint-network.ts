/** A model directory of any layout, as its config and the weights of our network. */
import { setImmediate } from 'node:timers/promises';

import { throwIfCancelled } from '#daemon/async.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { StoredQuantization } from './quantization.js';

export const LOAD_CANCELLED = 'loading the model was cancelled';

export interface Checkpoint<Config> {
  /** Naming scheme of the weights, such as `mlx`. */
  readonly layout: string;
  readonly config: Config;
  /** Paths of the weights files. */
  readonly files: readonly string[];
  /** Names of all weights in the network. */
  readonly names: ReadonlySet<string>;
  /** The array in the layout of the network; the caller owns it. Call once per name. */
  array(name: string): Promise<MxArray>;
  /** Frees the arrays that were not requested. */
  close(): void;
}

/**
 * The network with the weights of `checkpoint` as stored, quantized ones too; if the format allows, their bytes are read only
 * at evaluation.
 *
 * @param build makes the network of a config, with placeholders for its weights
 * @throws SottoError CANCELLED; errors of `checkpoint` and `nn.Module`
 */
export async function networkOf<
  Config extends { readonly quantization?: StoredQuantization },
  Model extends nn.Module,
>(checkpoint: Checkpoint<Config>, build: (config: Config) => Model, signal?: AbortSignal): Promise<Model> {
  const { config, names } = checkpoint;
  const model = build(config);
  const weights = new Map<string, MxArray>();
  try {
    if (config.quantization !== undefined) {
      const { layers, ...quantization } = config.quantization;
      const isStored = nn.storedQuantized(names);
      nn.quantize(model, {
        ...quantization,
        empty: true,
        predicate: (name, layer) => isStored(name, layer) && (layers?.get(name) ?? true),
      });
    }
    await setImmediate(); // lets other work run
    for (const name of names) {
      throwIfCancelled(signal, LOAD_CANCELLED);
      weights.set(name, await checkpoint.array(name));
    }
    await setImmediate();
    throwIfCancelled(signal, LOAD_CANCELLED);
    return model.loadWeights(weights);
  } catch (error) {
    for (const array of weights.values()) array.dispose();
    model.dispose();
    throw error;
  }
}

/** The array with two axes swapped, contiguous: MLX's saver and our kernels read raw memory. Frees `array`. */
export function swapped(array: MxArray, first: number, second: number): MxArray {
  const result = mx.keep(mx.tidy(() => mx.contiguous(mx.swapaxes(array, first, second))));
  array.dispose();
  return result;
}

/** Whether two arrays have equal values, such as an embedding and a tied output layer. */
export async function isSameArray(a: MxArray, b: MxArray): Promise<boolean> {
  const equal = mx.tidy(() => mx.arrayEqual(a, b));
  await mx.ready(equal);
  const answer = Boolean(equal.item());
  equal.dispose();
  return answer;
}
