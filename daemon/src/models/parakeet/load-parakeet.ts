/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../checkpoint/start-loading.js';
import type { LoadOptions } from '../speech-model.js';
import { fusedParakeet } from './fused-parakeet.js';
import { Parakeet } from './parakeet-network.js';
import { openCheckpoint } from './parakeet-checkpoint.js';
import type { ParakeetConfig } from './parakeet-config.js';

const plan: NetworkPlan<ParakeetConfig, Parakeet> = {
  build: (config) => new Parakeet(config),
  fusion: fusedParakeet,
  // √D times larger activations leave the range of float16.
  castForGpu: (model) => {
    const isWhole = model.dtype === 'float32';
    model.toDtype(isWhole ? (model.config.encoder.isInputScaled ? 'bfloat16' : 'float16') : model.dtype);
  },
};

/**
 * The weights must match those of the network one to one.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function loadParakeet(
  dir: string,
  config: ParakeetConfig,
  options: LoadOptions = {},
): Promise<Parakeet> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}
