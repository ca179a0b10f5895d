/** Array names of a SNAC checkpoint: those of snac, with its weight norm in two spellings or folded. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, weightRole, type CodecForm } from '../codec-checkpoint.js';
import { parseSnacConfig, type SnacConfig } from './snac-config.js';

const NETWORK = /^(?:encoder\.block|decoder\.model|quantizer\.quantizers)\./;
/** Follows from the config. */
const FREQUENCIES = /\.rel_pos\.inv_freq$/;
/** The transposed convolution of a stage of the decoder, which the network has in a module with its cut. */
const UPSAMPLE = /^(decoder\.model\.\d+\.block\.1)\.(?!conv\.)/;
const UPSAMPLE_WEIGHT = /^decoder\.model\.\d+\.block\.1\.conv\.weight$/;
const CONVERTED = /^decoder\.model\.\d+\.block\.1\.conv\.weight$/;

const snacNaming: Naming = {
  layout: 'snac',
  recognizes: (names) => [...names].some((name) => NETWORK.test(name)),
  roleOf: (stored): ArrayRole | undefined => {
    if (FREQUENCIES.test(stored)) return { role: 'ignored' };
    return NETWORK.test(stored) ? weightRole(stored.replace(UPSAMPLE, '$1.conv.')) : undefined;
  },
};

/** As `models convert` writes it. */
const mlxNaming: Naming = {
  layout: CONVERTED_LAYOUT,
  recognizes: (names) => [...names].some((name) => CONVERTED.test(name)),
  roleOf: (stored) => (NETWORK.test(stored) ? { role: 'weight', name: stored } : undefined),
};

export const SNAC_FORM: CodecForm = {
  namings: { family: 'SNAC', schemes: [mlxNaming, snacNaming] },
  isTransposed: (name) => UPSAMPLE_WEIGHT.test(name),
};

/** @throws SottoError as `readConfigFile` and `parseSnacConfig` */
export async function readSnacConfig(dir: string): Promise<SnacConfig> {
  return parseSnacConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openSnacCheckpoint(dir: string, config: SnacConfig): Promise<Checkpoint<SnacConfig>> {
  return openCodecCheckpoint(dir, config, SNAC_FORM);
}
