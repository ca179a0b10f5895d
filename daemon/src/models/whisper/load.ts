/** From a model folder to a network ready to run. */
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { LoadOptions } from '../speech-model.js';
import { asModelError, openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { WhisperConfig } from './config.js';
import { Whisper } from './model.js';

export { readConfig } from './checkpoint.js';

/** Arrays evaluated between two looks at the signal. */
const ARRAYS_PER_TURN = 16;

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
  { signal, onProgress }: LoadOptions = {},
): Promise<Whisper> {
  const checkpoint = await openCheckpoint(dir, config);
  let model: Whisper | undefined;
  try {
    model = await networkOf(checkpoint, signal);
    await evaluate(model, signal, onProgress);
    return model;
  } catch (error) {
    model?.dispose();
    throw asModelError(error, checkpoint.files.join(', '));
  } finally {
    checkpoint.close();
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

function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new SottoError('CANCELLED', 'loading the model was cancelled');
}

async function evaluate(
  model: Whisper,
  signal: AbortSignal | undefined,
  onProgress?: (fraction: number) => void,
) {
  model.join();
  if (nn.canPack()) nn.pack(model);
  else if (mx.defaultDevice() === 'cpu') nn.dequantize(model, 'float32');
  if (mx.defaultDevice() === 'cpu') model.toDtype('float32');
  else model.encoder.castPositions(model.dtype);
  const parameters = model.parameters();
  for (let i = 0; i < parameters.length; i += ARRAYS_PER_TURN) {
    throwIfCancelled(signal);
    await mx.ready(...parameters.slice(i, i + ARRAYS_PER_TURN));
    onProgress?.(Math.min(1, (i + ARRAYS_PER_TURN) / parameters.length));
  }
  model.fuse();
}
