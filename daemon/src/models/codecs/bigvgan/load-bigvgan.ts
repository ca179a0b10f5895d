/** Loads a model directory into a network that is ready to run. */
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import type { LoadOptions } from '../../speech-model.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { openBigVganCheckpoint, readBigVganConfig } from './bigvgan-checkpoint.js';
import type { BigVganConfig } from './bigvgan-config.js';
import { BigVgan } from './bigvgan-network.js';

const plan: NetworkPlan<BigVganConfig, BigVgan> = {
  build: (config) => new BigVgan(config),
  fusion: fusedCodecLayers,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys; CANCELLED */
export async function loadBigVgan(dir: string, options: LoadOptions = {}): Promise<BigVgan> {
  const checkpoint = await openBigVganCheckpoint(dir, await readBigVganConfig(dir));
  return (await startLoading(checkpoint, plan, options)).model;
}
