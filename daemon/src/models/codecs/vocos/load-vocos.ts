/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { fusedVocos } from './fused-vocos.js';
import { openVocosCheckpoint, readVocosConfig } from './vocos-checkpoint.js';
import type { VocosConfig } from './vocos-config.js';
import { Vocos } from './vocos-network.js';

const plan: NetworkPlan<VocosConfig, Vocos> = {
  build: (config) => new Vocos(config),
  fusion: fusedVocos,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadVocos(dir: string, options: LoadOptions = {}): Promise<Vocos> {
  const checkpoint = await openVocosCheckpoint(dir, await readVocosConfig(dir));
  return (await startLoading(checkpoint, plan, options)).model;
}
