/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../checkpoint/start-loading.js';
import type { LoadOptions } from '../speech-model.js';
import { fusedMoonshine } from './fused-moonshine.js';
import { openCheckpoint } from './moonshine-checkpoint.js';
import type { MoonshineConfig } from './moonshine-config.js';
import { Moonshine } from './moonshine-network.js';

const plan: NetworkPlan<MoonshineConfig, Moonshine> = {
  build: (config) => new Moonshine(config),
  fusion: fusedMoonshine,
  castForGpu: (model) => {
    if (model.dtype === 'float32') model.toDtype('float16');
  },
};

/**
 * Resolves once the work is queued on other cores; the caller must await `model`, which may reject too. The weights must
 * match those of the network one to one.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function startLoadingMoonshine(
  dir: string,
  config: MoonshineConfig,
  options: LoadOptions = {},
): Promise<{ model: Promise<Moonshine> }> {
  return startLoading(await openCheckpoint(dir, config), plan, options);
}
