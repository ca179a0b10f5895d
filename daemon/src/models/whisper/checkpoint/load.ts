/** From a model folder to a network ready to run. */
import { setImmediate } from 'node:timers/promises';

import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray, type Stream } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { abortable } from '../../../async.js';
import type { LoadOptions } from '../../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { WhisperConfig } from '../config.js';
import { Whisper } from '../model.js';

export { readConfig } from './checkpoint.js';

/** Arrays that are not packed are evaluated until they make so many bytes; then others have a turn. */
const BYTES_PER_BATCH = 32 << 20;
/** Turns that are asked for before the first of them is there: the cores have work while this thread does other things. */
const PREFETCHED_BATCHES = 3;
const CANCELLED = 'loading the model was cancelled';

/**
 * On the CPU the queue in which weights are packed, so that a model that serves meanwhile does not wait behind it. MLX keeps
 * a queue until the thread ends, so there is one for all.
 */
let queue: Stream | undefined;

/**
 * Builds the network of a model folder. The weights in it and in the network must match one for one.
 *
 * Weights stay as they are stored, packed ones too: on the GPU for MLX's own kernels, on the CPU for ours. Where those
 * are not built, MLX's CPU device has a fast product for float32 alone, so everything is expanded to that, once.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the keys at fault.
 */
export async function loadWhisper(
  dir: string,
  config: WhisperConfig,
  options: LoadOptions = {},
): Promise<Whisper> {
  return (await startLoading(dir, config, options)).model;
}

/**
 * As `loadWhisper`, and resolves as soon as other cores than this thread's have the work: there is time for other things
 * meanwhile. Errors of both come in their turn; `model` is to be waited for.
 */
export async function startLoading(
  dir: string,
  config: WhisperConfig,
  { signal, onProgress }: LoadOptions = {},
): Promise<{ model: Promise<Whisper> }> {
  const checkpoint = await openCheckpoint(dir, config);
  let model: Whisper | undefined;
  const failed = (error: unknown): SottoError => {
    model?.dispose();
    checkpoint.close();
    return asModelError(error, checkpoint.files.join(', '));
  };
  try {
    model = await networkOf(checkpoint, signal);
    await setImmediate();
    const batches = new WeightEvaluator(onLoadQueue(model, layOutWeights), signal, onProgress);
    await setImmediate();
    return { model: finish(model, batches, checkpoint, failed) };
  } catch (error) {
    throw failed(error);
  }
}

async function finish(
  model: Whisper,
  batches: WeightEvaluator,
  checkpoint: Checkpoint,
  failed: (error: unknown) => SottoError,
): Promise<Whisper> {
  try {
    await batches.done();
    model.fuse();
    checkpoint.close();
    return model;
  } catch (error) {
    throw failed(error);
  }
}

/**
 * The network with the weights of `checkpoint` as they are stored; where the format allows, their bytes are read only
 * when they are evaluated.
 *
 * @throws SottoError CANCELLED; whatever `checkpoint` and `nn.Module` throw
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
    await setImmediate(); // between pieces of work this thread may do others
    for (const name of names) {
      throwIfCancelled(signal);
      weights.set(name, await checkpoint.array(name));
    }
    await setImmediate();
    throwIfCancelled(signal);
    return model.loadWeights(weights);
  } catch (error) {
    for (const array of weights.values()) array.dispose();
    model.dispose();
    throw error;
  }
}

/** What is to be evaluated: weights that are packed, piece by piece, and what is left. */
interface WeightBatches {
  readonly packed: readonly (readonly MxArray[])[];
  readonly others: readonly (readonly MxArray[])[];
}

/**
 * Evaluates arrays turn by turn; in between a cancel is seen and progress told. The first pieces are asked for at once. What is
 * left waits for its turn: it is many small things, and with more than ten on their way MLX holds up who asks for another.
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
    for (const [i, turn] of this.#batches.entries()) {
      throwIfCancelled(this.#signal);
      this.#queueUntil(i + PREFETCHED_BATCHES);
      await abortable(mx.ready(...turn), this.#signal, CANCELLED);
      bytes += bytesOf(turn);
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
  model.join();
  const packed = nn.canPack() ? nn.packIncrementally(model).batches : [];
  if (isCpu) {
    if (!nn.canPack()) nn.dequantize(model, 'float32');
    model.toDtype('float32');
  } else {
    castToFloat16(model);
  }
  const isPacked = new Set(packed.flat());
  const others: MxArray[][] = [];
  let bytes = Infinity; // in the turn that is being filled
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

/** What a GPU computes in: halves are twice as fast as float32 and take half the room, and mlx-whisper reads such files so too. */
export function castToFloat16(model: Whisper): void {
  if (model.dtype === 'float32') model.toDtype('float16');
  model.encoder.castPositions(model.dtype);
}

const bytesOf = (arrays: readonly MxArray[]): number => arrays.reduce((sum, { nbytes }) => sum + nbytes, 0);

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', CANCELLED);
}
