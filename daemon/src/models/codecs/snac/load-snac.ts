/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { openSnacCheckpoint, readSnacConfig } from './snac-checkpoint.js';
import type { SnacConfig } from './snac-config.js';
import { Snac } from './snac-network.js';

const plan: NetworkPlan<SnacConfig, Snac> = {
  build: (config) => new Snac(config),
  fusion: fusedCodecLayers,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadSnac(dir: string, options: LoadOptions = {}): Promise<Snac> {
  const checkpoint = await openSnacCheckpoint(dir, await readSnacConfig(dir));
  return (await startLoading(checkpoint, plan, options)).model;
}
