/** Array names of a DAC checkpoint: descript-audio-codec’s and transformers’, with a weight norm in two spellings or folded. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, weightRole, type CodecForm } from '../codec-checkpoint.js';
import { parseDacConfig, type DacConfig } from './dac-config.js';
import { originalName } from './dac-names.js';

const NETWORK = /^(?:encoder\.block|decoder\.model|quantizer\.quantizers)\./;
const QUANTIZER = /^quantizer\.quantizers\./;
/** Of transformers alone. */
const HUGGING_FACE = /^(?:encoder|decoder)\.conv1\./;
/** The transposed convolution of a stage of the decoder, which the network has in a module with its cut. */
const UPSAMPLE = /^(decoder\.model\.\d+\.block\.1)\.(?!conv\.)/;
const UPSAMPLE_WEIGHT = /^decoder\.model\.\d+\.block\.1\.conv\.weight$/;

const inNetwork = (original: string): ArrayRole => weightRole(original.replace(UPSAMPLE, '$1.conv.'));

const originalNaming: Naming = {
  layout: 'dac',
  recognizes: (names) => [...names].some((name) => NETWORK.test(name)),
  roleOf: (stored) => (NETWORK.test(stored) ? inNetwork(stored) : undefined),
};

/** As `models convert` writes it. */
const mlxNaming: Naming = {
  layout: CONVERTED_LAYOUT,
  recognizes: (names) => [...names].some((name) => UPSAMPLE_WEIGHT.test(name)),
  roleOf: (stored) => (NETWORK.test(stored) ? { role: 'weight', name: stored } : undefined),
};

const huggingFaceNaming = (blocks: number): Naming => ({
  layout: 'huggingface',
  recognizes: (names) => [...names].some((name) => HUGGING_FACE.test(name)),
  roleOf: (stored) => {
    const original = QUANTIZER.test(stored) ? stored : originalName(stored, blocks);
    return original === undefined ? undefined : inNetwork(original);
  },
});

export const dacForm = ({ encoder_rates: rates }: DacConfig): CodecForm => ({
  namings: { family: 'DAC', schemes: [mlxNaming, huggingFaceNaming(rates.length), originalNaming] },
  isTransposed: (name) => UPSAMPLE_WEIGHT.test(name),
});

/** @throws SottoError as `readConfigFile` and `parseDacConfig` */
export async function readDacConfig(dir: string): Promise<DacConfig> {
  return parseDacConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openDacCheckpoint(dir: string, config: DacConfig): Promise<Checkpoint<DacConfig>> {
  return openCodecCheckpoint(dir, config, dacForm(config));
}
