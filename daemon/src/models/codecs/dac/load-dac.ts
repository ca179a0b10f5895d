/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { openDacCheckpoint, readDacConfig } from './dac-checkpoint.js';
import type { DacConfig } from './dac-config.js';
import { Dac } from './dac-network.js';

const plan: NetworkPlan<DacConfig, Dac> = {
  build: (config) => new Dac(config),
  fusion: fusedCodecLayers,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadDac(dir: string, options: LoadOptions = {}): Promise<Dac> {
  const checkpoint = await openDacCheckpoint(dir, await readDacConfig(dir));
  return (await startLoading(checkpoint, plan, options)).model;
}
