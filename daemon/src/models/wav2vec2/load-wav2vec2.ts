/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../checkpoint/start-loading.js';
import type { LoadOptions } from '../speech-model.js';
import { fusedWav2Vec2 } from './fused-wav2vec2.js';
import { openCheckpoint } from './wav2vec2-checkpoint.js';
import type { Wav2Vec2Config } from './wav2vec2-config.js';
import { Wav2Vec2 } from './wav2vec2-network.js';

const plan: NetworkPlan<Wav2Vec2Config, Wav2Vec2> = {
  build: (config) => new Wav2Vec2(config),
  fusion: fusedWav2Vec2,
  // The folded kernel is float32, whatever the others are.
  castForGpu: (model) => {
    model.toDtype(model.dtype === 'float32' ? 'float16' : model.dtype);
  },
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadWav2Vec2(
  dir: string,
  config: Wav2Vec2Config,
  options: LoadOptions = {},
): Promise<Wav2Vec2> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}
