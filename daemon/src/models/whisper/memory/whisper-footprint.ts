/**
 * What a Whisper model takes of the device's memory, from its dimensions and from how its weights are stored. Each term
 * is an array that is there; how far the sums are from what MLX counts is measured by `npm run bench -- memory`.
 */
import type { Dtype } from '#native/index.js';

import type { Footprint } from '../../footprint.js';
import { asModelError, readConfig } from '../checkpoint/checkpoint.js';
import { bytesOf, currentBackend, type Backend } from './backend.js';
import type { WhisperConfig } from '../config.js';
import { storedWeights, type StoredWeights } from '../checkpoint/stored-weights.js';
import { weightBytes } from './weight-bytes.js';
import { workBytes, type WorkBytes } from './work-bytes.js';

/** Its dtype is that of the activations. */
const POSITIONS = 'decoder.positional_embedding';

export interface WhisperFootprint extends Footprint {
  readonly work: WorkBytes;
}

/**
 * Reads the headers of a model folder, no weights.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED for what cannot be loaded either
 */
export async function whisperFootprint(dir: string): Promise<WhisperFootprint> {
  const config = await readConfig(dir);
  try {
    return footprint(config, await storedWeights(dir, config), currentBackend());
  } catch (error) {
    throw asModelError(error, dir);
  }
}

export function footprint(config: WhisperConfig, stored: StoredWeights, backend: Backend): WhisperFootprint {
  const kept = backend === 'gpu' ? asFloat16(stored) : stored;
  const work = workBytes(config, backend, activationBytes(kept, backend));
  return {
    weightBytes: weightBytes(config, kept, backend),
    workBytes: Math.max(...Object.values(work)),
    work,
  };
}

/** A checkpoint that is not there, of one dtype; packed throughout, if its config says so. */
export function uniformWeights(config: WhisperConfig, dtype: Dtype): StoredWeights {
  return { dtypeOf: () => dtype, isQuantized: () => config.quantization !== undefined };
}

/** As `halve` of load.ts leaves it. */
function asFloat16(stored: StoredWeights): StoredWeights {
  const isWhole = stored.dtypeOf(POSITIONS) === 'float32';
  return isWhole ? { dtypeOf: () => 'float16', isQuantized: (layer) => stored.isQuantized(layer) } : stored;
}

function activationBytes(stored: StoredWeights, backend: Backend): number {
  return backend === 'gpu' ? bytesOf(stored.dtypeOf(POSITIONS)) : 4;
}
