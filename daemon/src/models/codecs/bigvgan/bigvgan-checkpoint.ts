/** Array names of a BigVGAN checkpoint, with its weight norm in two spellings or folded. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { openCodecCheckpoint, weightRole, type CodecForm } from '../codec-checkpoint.js';
import { parseBigVganConfig, type BigVganConfig } from './bigvgan-config.js';

/** The generator may be one of several networks in a file. */
const PREFIX = /^generator\./;
const NETWORK = /^(?:conv_pre|ups|resblocks|activation_post|conv_post)\./;
/** The same for all checkpoints. */
const FILTER = /\.(?:upsample|downsample\.lowpass)\.filter$/;
/** The transposed convolution of a stage, which the network has in a module with its cut. */
const UPSAMPLE = /^(ups\.\d+\.0)\.(?!conv\.)/;
const UPSAMPLE_WEIGHT = /^ups\.\d+\.0\.conv\.weight$/;

const bigVganNaming: Naming = {
  layout: 'bigvgan',
  recognizes: (names) => [...names].some((name) => NETWORK.test(name.replace(PREFIX, ''))),
  roleOf: (stored): ArrayRole | undefined => {
    const name = stored.replace(PREFIX, '');
    if (FILTER.test(name)) return { role: 'ignored' };
    return NETWORK.test(name) ? weightRole(name.replace(UPSAMPLE, '$1.conv.')) : undefined;
  },
};

export const BIGVGAN_FORM: CodecForm = {
  namings: { family: 'BigVGAN', schemes: [bigVganNaming] },
  isTransposed: (name) => UPSAMPLE_WEIGHT.test(name),
};

/** @throws SottoError as `readConfigFile` and `parseBigVganConfig` */
export async function readBigVganConfig(dir: string): Promise<BigVganConfig> {
  return parseBigVganConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openBigVganCheckpoint(
  dir: string,
  config: BigVganConfig,
): Promise<Checkpoint<BigVganConfig>> {
  return openCodecCheckpoint(dir, config, BIGVGAN_FORM);
}
