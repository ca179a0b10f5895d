/** Loads a model directory into a network that is ready to run. */
import type { Checkpoint } from '../checkpoint/checkpoint-network.js';
import { startLoading, type NetworkPlan } from '../checkpoint/start-loading.js';
import { readConfigFile } from '../config-file.js';
import { openConformer } from '../conformer/open-conformer.js';
import type { LoadOptions } from '../speech-model.js';
import { parseConfig, type NemotronConfig } from './nemotron-config.js';
import { fusedNemotron } from './fused-nemotron.js';
import { Nemotron } from './nemotron-network.js';

const plan: NetworkPlan<NemotronConfig, Nemotron> = {
  build: (config) => new Nemotron(config),
  fusion: fusedNemotron,
  // √D times larger activations leave the range of float16.
  castForGpu: (model) => {
    const isWhole = model.dtype === 'float32';
    model.toDtype(isWhole ? (model.config.encoder.isInputScaled ? 'bfloat16' : 'float16') : model.dtype);
  },
};

export async function readConfig(dir: string): Promise<NemotronConfig> {
  return parseConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export async function openCheckpoint(
  dir: string,
  config: NemotronConfig,
): Promise<Checkpoint<NemotronConfig>> {
  return openConformer(dir, config, { family: 'Nemotron', hasBatchNorm: false });
}

/**
 * The weights must match those of the network one to one.
 *
 * @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys
 */
export async function loadNemotron(
  dir: string,
  config: NemotronConfig,
  options: LoadOptions = {},
): Promise<Nemotron> {
  return (await startLoading(await openCheckpoint(dir, config), plan, options)).model;
}
