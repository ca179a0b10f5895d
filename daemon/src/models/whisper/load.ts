/** From a model folder to a network ready to run. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { SafetensorsError, validateSafetensors } from '#native/safetensors.js';

import { readConfigFile } from '../config-file.js';
import type { LoadOptions } from '../speech-model.js';
import { parseConfig, type WhisperConfig } from './config.js';
import { Whisper } from './model.js';

const WEIGHT_FILES = ['weights.safetensors', 'model.safetensors'];

/** What checkpoints carry beside the weights of the network. */
const NOT_WEIGHTS = ['alignment_heads'];

/** Arrays evaluated between two looks at the signal. */
const ARRAYS_PER_TURN = 16;

/** Reads `config.json` of a model folder. */
export async function readConfig(dir: string): Promise<WhisperConfig> {
  return parseConfig(await readConfigFile(dir));
}

/**
 * Builds the network of a folder in the mlx-community layout. The names in the file and in the network must match
 * one for one.
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
  const path = weightsFile(dir);
  const model = new Whisper(config);
  try {
    fill(model, path);
    await evaluate(model, signal, onProgress);
    return model;
  } catch (error) {
    model.dispose();
    throw asModelError(error, dir);
  }
}

function weightsFile(dir: string): string {
  const file = WEIGHT_FILES.map((name) => join(dir, name)).find((path) => existsSync(path));
  if (file !== undefined) return file;
  if (existsSync(join(dir, 'weights.npz'))) {
    throw new SottoError('MODEL_UNSUPPORTED', `${dir}: the weights are in NumPy's format (weights.npz)`, {
      hint: 'take a version of the model that has weights.safetensors',
    });
  }
  throw new SottoError('MODEL_CORRUPT', `${dir}: there is no ${WEIGHT_FILES[0] ?? ''} in the model folder`);
}

function fill(model: Whisper, path: string): void {
  const { tensors } = validateSafetensors(path);
  const { quantization } = model.config;
  if (quantization !== undefined) {
    nn.quantize(model, { ...quantization, predicate: nn.storedQuantized(tensors) });
  }
  const { arrays } = mx.loadSafetensors(path);
  const weights = new Map<string, MxArray>();
  for (const [name, array] of Object.entries(arrays)) {
    if (NOT_WEIGHTS.includes(name)) array.dispose();
    else weights.set(name, array);
  }
  try {
    model.loadWeights(weights);
  } catch (error) {
    for (const array of weights.values()) array.dispose();
    throw error;
  }
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
    if (signal?.aborted === true) throw new SottoError('CANCELLED', 'loading the model was cancelled');
    await mx.ready(...parameters.slice(i, i + ARRAYS_PER_TURN));
    onProgress?.(Math.min(1, (i + ARRAYS_PER_TURN) / parameters.length));
  }
  model.fuse();
}

function asModelError(error: unknown, dir: string): SottoError {
  if (error instanceof SottoError) return error;
  if (error instanceof SafetensorsError) {
    return new SottoError('MODEL_CORRUPT', error.message, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new SottoError('MODEL_CORRUPT', `${basename(dir)}: ${message}`, { cause: error });
}
