/**
 * Predicts the device memory of a Whisper model from its dimensions and the format of its weights. Each term is one array;
 * `npm run bench -- memory` compares the sums with MLX's counters.
 */
import type { Dtype } from '#native/index.js';

import type { Footprint } from '../../speech-model.js';
import { asModelError } from '../../checkpoint/model-error.js';
import type { StoredWeights } from '../../checkpoint/weight-formats.js';
import { bytesOf, currentBackend, type Backend } from '../../memory/backend.js';
import { asFloat16 } from '../../memory/matrix-bytes.js';
import { readConfig } from '../checkpoint/checkpoint.js';
import { POSITIONS, storedWeights } from '../checkpoint/stored-weights.js';
import type { WhisperConfig } from '../whisper-config.js';
import { weightBytes } from './weight-bytes.js';
import { workBytes, type WorkBytes } from './work-bytes.js';

export interface WhisperFootprint extends Footprint {
  readonly work: WorkBytes;
}

/**
 * Reads the headers of a model directory, no weights.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED, as loading would
 */
export async function whisperFootprint(dir: string): Promise<WhisperFootprint> {
  const config = await readConfig(dir);
  try {
    return footprint(config, await storedWeights(dir), currentBackend());
  } catch (error) {
    throw asModelError(error, dir);
  }
}

export function footprint(config: WhisperConfig, stored: StoredWeights, backend: Backend): WhisperFootprint {
  const kept = backend === 'gpu' ? asFloat16(stored, POSITIONS) : stored;
  const work = workBytes(config, backend, activationBytes(kept, backend));
  return {
    weightBytes: weightBytes(config, kept, backend),
    workBytes: Math.max(...Object.values(work)),
    work,
  };
}

/** Weights of a hypothetical checkpoint of one dtype, all quantized if its config is. */
export function uniformWeights(config: WhisperConfig, dtype: Dtype): StoredWeights {
  return { dtypeOf: () => dtype, isQuantized: () => config.quantization !== undefined };
}

function activationBytes(stored: StoredWeights, backend: Backend): number {
  return backend === 'gpu' ? bytesOf(stored.dtypeOf(POSITIONS)) : 4;
}
