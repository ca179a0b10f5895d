/** Opens the generator of a model directory and loads it into a network that is ready to run. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { startLoading, type NetworkPlan } from '../../checkpoint/start-loading.js';
import { readConfigFile } from '../../config-file.js';
import type { LoadOptions } from '../../speech-model.js';
import { openCodecCheckpoint, weightRole, type CodecForm } from '../codec-checkpoint.js';
import { fusedCodecLayers } from '../layers/fused-layers.js';
import { parseHifiGanConfig, type HifiGanConfig } from './hifigan-config.js';
import { HifiGan } from './hifigan-network.js';

/** The generator may be one of several networks in a file; VITS calls it `dec`. */
const PREFIX = /^(?:generator|dec)\./;
const NETWORK = /^(?:conv_pre|ups|resblocks|conv_post)\./;
/** The transposed convolution of a stage, which the network has in a module with its cut. */
const UPSAMPLE = /^(ups\.\d+)\.(?!conv\.)/;
const UPSAMPLE_WEIGHT = /^ups\.\d+\.conv\.weight$/;

const naming: Naming = {
  layout: 'hifigan',
  recognizes: (names) => [...names].some((name) => NETWORK.test(name.replace(PREFIX, ''))),
  roleOf: (stored): ArrayRole | undefined => {
    const name = stored.replace(PREFIX, '');
    return NETWORK.test(name) ? weightRole(name.replace(UPSAMPLE, '$1.conv.')) : undefined;
  },
};

const form: CodecForm = {
  namings: { family: 'HiFi-GAN', schemes: [naming] },
  isTransposed: (name) => UPSAMPLE_WEIGHT.test(name),
};

const plan: NetworkPlan<HifiGanConfig, HifiGan> = {
  build: (config) => new HifiGan(config),
  fusion: fusedCodecLayers,
};

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export async function openHifiGanCheckpoint(dir: string): Promise<Checkpoint<HifiGanConfig>> {
  return openCodecCheckpoint(dir, parseHifiGanConfig(await readConfigFile(dir)), form);
}

/** @throws SottoError as `openHifiGanCheckpoint`; CANCELLED */
export async function loadHifiGan(dir: string, options: LoadOptions = {}): Promise<HifiGan> {
  return (await startLoading(await openHifiGanCheckpoint(dir), plan, options)).model;
}
