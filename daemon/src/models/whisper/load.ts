/** From a model folder to a network ready to run. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray, type Stream } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LoadOptions } from '../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { WhisperConfig } from './config.js';
import { Whisper } from './model.js';

export { readConfig } from './checkpoint.js';

/** Arrays that are not packed are evaluated until they make so many bytes; then others have a turn. */
const BYTES_PER_TURN = 32 << 20;
/** Turns that are asked for before the first of them is there: the cores have work while this thread does other things. */
const TURNS_AHEAD = 3;

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
    const turns = new Turns(inQueue(model, layOut), signal, onProgress);
    return { model: finish(model, turns, checkpoint, failed) };
  } catch (error) {
    throw failed(error);
  }
}

async function finish(
  model: Whisper,
  turns: Turns,
  checkpoint: Checkpoint,
  failed: (error: unknown) => SottoError,
): Promise<Whisper> {
  try {
    await turns.done();
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
    for (const name of names) {
      throwIfCancelled(signal);
      weights.set(name, await checkpoint.array(name));
    }
    return model.loadWeights(weights);
  } catch (error) {
    for (const array of weights.values()) array.dispose();
    model.dispose();
    throw error;
  }
}

/** Evaluates arrays turn by turn; in between a cancel is seen and progress told. The first turns are asked for at once. */
class Turns {
  readonly #turns: readonly (readonly MxArray[])[];
  readonly #signal: AbortSignal | undefined;
  readonly #onProgress: ((fraction: number) => void) | undefined;
  #asked = 0;

  constructor(
    turns: readonly (readonly MxArray[])[],
    signal: AbortSignal | undefined,
    onProgress: ((fraction: number) => void) | undefined,
  ) {
    this.#turns = turns;
    this.#signal = signal;
    this.#onProgress = onProgress;
    this.#ask(TURNS_AHEAD);
  }

  async done(): Promise<void> {
    const total = bytesOf(this.#turns.flat());
    let bytes = 0;
    for (const [i, turn] of this.#turns.entries()) {
      throwIfCancelled(this.#signal);
      this.#ask(i + TURNS_AHEAD);
      await mx.ready(...turn);
      bytes += bytesOf(turn);
      this.#onProgress?.(bytes / total);
    }
  }

  #ask(until: number): void {
    for (; this.#asked < Math.min(until, this.#turns.length); this.#asked++) {
      mx.asyncEval(...(this.#turns[this.#asked] ?? []));
    }
  }
}

function inQueue<T>(model: Whisper, work: (model: Whisper, isCpu: boolean) => T): T {
  if (mx.defaultDevice() !== 'cpu') return work(model, false);
  queue ??= mx.newStream('cpu');
  return mx.withStream(queue, () => work(model, true));
}

/** The parameters in the turns in which they are to be evaluated. */
function layOut(model: Whisper, isCpu: boolean): MxArray[][] {
  model.join();
  const turns = nn.canPack() ? nn.packInTurns(model).turns : [];
  if (isCpu) {
    if (!nn.canPack()) nn.dequantize(model, 'float32');
    model.toDtype('float32');
  } else {
    model.encoder.castPositions(model.dtype);
  }
  const packed = new Set(turns.flat());
  let turn: MxArray[] = [];
  for (const array of model.parameters()) {
    if (packed.has(array)) continue;
    turn.push(array);
    if (bytesOf(turn) < BYTES_PER_TURN) continue;
    turns.push(turn);
    turn = [];
  }
  return turn.length > 0 ? [...turns, turn] : turns;
}

const bytesOf = (arrays: readonly MxArray[]): number => arrays.reduce((sum, { nbytes }) => sum + nbytes, 0);

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', 'loading the model was cancelled');
}
