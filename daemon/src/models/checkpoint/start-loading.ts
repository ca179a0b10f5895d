/** Loads a checkpoint into a network that is ready to run. */
import { setImmediate } from 'node:timers/promises';

import type { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray, type Stream } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { abortable, throwIfCancelled } from '#daemon/async.js';
import type { LoadOptions } from '../speech-model.js';
import { LOAD_CANCELLED, networkOf, type Checkpoint } from './checkpoint-network.js';
import { asModelError } from './model-error.js';
import type { StoredQuantization } from './quantization.js';

/** Arrays outside the CPU layout are evaluated in batches of this size; other work runs between batches. */
const BYTES_PER_BATCH = 32 << 20;
/** Batches queued in advance: the cores have work while this thread does other things. */
const PREFETCHED_BATCHES = 3;

/**
 * The CPU queue that packs weights, so that a serving model does not wait for it. MLX keeps a queue until the thread ends, so
 * all loads share one.
 */
let queue: Stream | undefined;

/** How a family's network is made ready. */
export interface NetworkPlan<Config, Model extends nn.Module> {
  /** The network of a config, with placeholders for its weights. */
  build(config: Config): Model;
  /** Replaces blocks by faster ones, before the weights are packed. */
  fusion?: nn.Fusion;
  /** Casts the weights for a GPU; they stay as stored by default. */
  castForGpu?(model: Model): void;
  /** Runs once the weights are evaluated. */
  finish?(model: Model): void;
}

/**
 * Builds the network of an open checkpoint, whose weights must match those of the network one to one. Resolves once the work
 * is queued on other cores, so that this thread can do other work. The caller must await `model`, which may reject too.
 * Closes the checkpoint in any case.
 *
 * Weights stay as stored, also quantized ones: on the GPU for MLX's kernels, on the CPU for ours. Without ours, MLX's CPU
 * device is fast only for float32, so everything is dequantized once.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function startLoading<
  Config extends { readonly quantization?: StoredQuantization },
  Model extends nn.Module,
>(
  checkpoint: Checkpoint<Config>,
  plan: NetworkPlan<Config, Model>,
  { signal, onProgress }: LoadOptions = {},
): Promise<{ model: Promise<Model> }> {
  let model: Model | undefined;
  const fail = (error: unknown): SottoError => {
    model?.dispose();
    checkpoint.close();
    return asModelError(error, checkpoint.files.join(', '));
  };
  try {
    model = await networkOf(checkpoint, (config) => plan.build(config), signal);
    await setImmediate();
    const batches = new WeightEvaluator(layOutOnQueue(model, plan), signal, onProgress);
    await setImmediate();
    return { model: finishLoading(model, batches, plan, checkpoint, fail) };
  } catch (error) {
    throw fail(error);
  }
}

async function finishLoading<Config, Model extends nn.Module>(
  model: Model,
  batches: WeightEvaluator,
  plan: NetworkPlan<Config, Model>,
  checkpoint: Checkpoint<Config>,
  failed: (error: unknown) => SottoError,
): Promise<Model> {
  try {
    await batches.done();
    plan.finish?.(model);
    checkpoint.close();
    return model;
  } catch (error) {
    throw failed(error);
  }
}

/** Arrays to evaluate: weights in the CPU layout, in batches, and the others. */
interface WeightBatches {
  readonly packed: readonly (readonly MxArray[])[];
  readonly others: readonly (readonly MxArray[])[];
}

/**
 * Evaluates batches in order, with cancellation and progress in between. Packed batches are queued in advance; the others
 * are not: they hold many small arrays, and MLX blocks the caller while more than ten are queued.
 */
class WeightEvaluator {
  readonly #batches: readonly (readonly MxArray[])[];
  readonly #packed: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ((fraction: number) => void) | undefined;
  #queuedCount = 0;

  constructor(
    { packed, others }: WeightBatches,
    signal: AbortSignal | undefined,
    onProgress: ((fraction: number) => void) | undefined,
  ) {
    this.#batches = [...packed, ...others];
    this.#packed = packed.length;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#queueUntil(PREFETCHED_BATCHES);
  }

  async done(): Promise<void> {
    const total = bytesOf(this.#batches.flat());
    let bytes = 0;
    for (const [i, batch] of this.#batches.entries()) {
      throwIfCancelled(this.#signal, LOAD_CANCELLED);
      this.#queueUntil(i + PREFETCHED_BATCHES);
      await abortable(mx.ready(...batch), this.#signal, LOAD_CANCELLED);
      bytes += bytesOf(batch);
      this.#onProgress?.(bytes / total);
    }
  }

  #queueUntil(until: number): void {
    for (; this.#queuedCount < Math.min(until, this.#packed); this.#queuedCount++) {
      mx.asyncEval(...(this.#batches[this.#queuedCount] ?? []));
    }
  }
}

function layOutOnQueue<Config, Model extends nn.Module>(
  model: Model,
  plan: NetworkPlan<Config, Model>,
): WeightBatches {
  if (mx.defaultDevice() !== 'cpu') return layOutWeights(model, plan, false);
  queue ??= mx.newStream('cpu');
  return mx.withStream(queue, () => layOutWeights(model, plan, true));
}

function layOutWeights<Config, Model extends nn.Module>(
  model: Model,
  plan: NetworkPlan<Config, Model>,
  isCpu: boolean,
): WeightBatches {
  if (plan.fusion !== undefined) nn.fuse(model, plan.fusion);
  const packed = nn.canPack() ? nn.packIncrementally(model).batches : [];
  if (isCpu) {
    if (!nn.canPack()) nn.dequantize(model, 'float32');
    model.toDtype('float32');
  } else {
    plan.castForGpu?.(model);
  }
  const isPacked = new Set(packed.flat());
  const others: MxArray[][] = [];
  let bytes = Infinity; // of the current batch
  for (const array of model.parameters()) {
    if (isPacked.has(array)) continue;
    if (bytes >= BYTES_PER_BATCH) {
      others.push([]);
      bytes = 0;
    }
    others.at(-1)?.push(array);
    bytes += array.nbytes;
  }
  return { packed, others };
}

const bytesOf = (arrays: readonly MxArray[]): number => arrays.reduce((sum, { nbytes }) => sum + nbytes, 0);
