/** Loads a model directory into a network that is ready to run. */
import { setImmediate } from 'node:timers/promises';

import type { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray, type Stream } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { abortable, throwIfCancelled } from '#daemon/async.js';
import type { LoadOptions } from '../../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { WhisperConfig } from '../whisper-config.js';
import { fusedWhisper, fuseSteps } from '../fused-model.js';
import { Whisper } from '../model.js';

export { readConfig } from './checkpoint.js';

/** Arrays outside the CPU layout are evaluated in batches of this size; other work runs between batches. */
const BYTES_PER_BATCH = 32 << 20;
/** Batches queued in advance: the cores have work while this thread does other things. */
const PREFETCHED_BATCHES = 3;
const CANCELLED_MESSAGE = 'loading the model was cancelled';

/**
 * The CPU queue that packs weights, so that a serving model does not wait for it. MLX keeps a queue until the thread ends, so
 * all loads share one.
 */
let queue: Stream | undefined;

/**
 * Builds the network of a model directory. Its weights must match those of the network one to one.
 *
 * Weights stay as stored, also quantized ones: on the GPU for MLX's kernels, on the CPU for ours. Without ours, MLX's CPU
 * device is fast only for float32, so everything is dequantized once.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys.
 */
export async function loadWhisper(
  dir: string,
  config: WhisperConfig,
  options: LoadOptions = {},
): Promise<Whisper> {
  return (await startLoading(dir, config, options)).model;
}

/**
 * `loadWhisper` in two stages: resolves once the work is queued on other cores, so that this thread can do other work. The
 * caller must await `model`, which may reject too.
 */
export async function startLoading(
  dir: string,
  config: WhisperConfig,
  { signal, onProgress }: LoadOptions = {},
): Promise<{ model: Promise<Whisper> }> {
  const checkpoint = await openCheckpoint(dir, config);
  let model: Whisper | undefined;
  const fail = (error: unknown): SottoError => {
    model?.dispose();
    checkpoint.close();
    return asModelError(error, checkpoint.files.join(', '));
  };
  try {
    model = await networkOf(checkpoint, signal);
    await setImmediate();
    const batches = new WeightEvaluator(onLoadQueue(model, layOutWeights), signal, onProgress);
    await setImmediate();
    return { model: finishLoading(model, batches, checkpoint, fail) };
  } catch (error) {
    throw fail(error);
  }
}

async function finishLoading(
  model: Whisper,
  batches: WeightEvaluator,
  checkpoint: Checkpoint,
  failed: (error: unknown) => SottoError,
): Promise<Whisper> {
  try {
    await batches.done();
    fuseSteps(model);
    checkpoint.close();
    return model;
  } catch (error) {
    throw failed(error);
  }
}

/**
 * The network with the weights of `checkpoint` as stored; if the format allows, their bytes are read only at evaluation.
 *
 * @throws SottoError CANCELLED; errors of `checkpoint` and `nn.Module`
 */
export async function networkOf(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Whisper> {
  const { config, names } = checkpoint;
  const model = new Whisper(config);
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
      throwIfCancelled(signal, CANCELLED_MESSAGE);
      weights.set(name, await checkpoint.array(name));
    }
    await setImmediate();
    throwIfCancelled(signal, CANCELLED_MESSAGE);
    return model.loadWeights(weights);
  } catch (error) {
    for (const array of weights.values()) array.dispose();
    model.dispose();
    throw error;
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
      throwIfCancelled(this.#signal, CANCELLED_MESSAGE);
      this.#queueUntil(i + PREFETCHED_BATCHES);
      await abortable(mx.ready(...batch), this.#signal, CANCELLED_MESSAGE);
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

function onLoadQueue<T>(model: Whisper, work: (model: Whisper, isCpu: boolean) => T): T {
  if (mx.defaultDevice() !== 'cpu') return work(model, false);
  queue ??= mx.newStream('cpu');
  return mx.withStream(queue, () => work(model, true));
}

function layOutWeights(model: Whisper, isCpu: boolean): WeightBatches {
  nn.fuse(model, fusedWhisper);
  const packed = nn.canPack() ? nn.packIncrementally(model).batches : [];
  if (isCpu) {
    if (!nn.canPack()) nn.dequantize(model, 'float32');
    model.toDtype('float32');
  } else {
    castToFloat16(model);
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

/** A GPU computes in float16, at twice the speed and half the size of float32, as mlx-whisper does. */
export function castToFloat16(model: Whisper): void {
  if (model.dtype === 'float32') model.toDtype('float16');
  model.encoder.castPositions(model.dtype);
}

const bytesOf = (arrays: readonly MxArray[]): number => arrays.reduce((sum, { nbytes }) => sum + nbytes, 0);
