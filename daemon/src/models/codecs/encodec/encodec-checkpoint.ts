/** Opens a model directory: its config, and its arrays in the form of our network. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Namings } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, weightRole } from '../codec-checkpoint.js';
import { parseEncodecConfig, type EncodecConfig } from './encodec-config.js';

const NETWORK = /^(?:encoder|decoder)\.layers\.\d+\.|^quantizer\.layers\.\d+\.codebook\.embed$/;
const META = /^(?:encoder|decoder)\.model\./;
/** Used only in training. */
const TRAINING = /^quantizer\.layers\.\d+\.codebook\.(?:inited|cluster_size|embed_avg)$/;
/** PyTorch has the layers of an LSTM in the names of its arrays. */
const LSTM = /\.lstm\.(weight|bias)_(ih|hh)_l(\d+)$/;
/** Of our network. */
const OWN_LSTM = /\.lstm\.\d+\.(?:weight|bias)_(?:ih|hh)$/;

/** Array names: those of transformers, those of Meta's package, and ours. */
export const ENCODEC_NAMINGS: Namings = {
  family: 'Encodec',
  schemes: [
    {
      layout: CONVERTED_LAYOUT,
      recognizes: (names) => [...names].some((name) => OWN_LSTM.test(name)),
      roleOf,
    },
    { layout: 'huggingface', recognizes: (names) => [...names].some((name) => NETWORK.test(name)), roleOf },
    {
      layout: 'meta',
      recognizes: (names) => [...names].some((name) => META.test(name)),
      roleOf: (stored) => roleOf(fromMeta(stored)),
    },
  ],
};

function roleOf(stored: string): ArrayRole | undefined {
  if (TRAINING.test(stored)) return { role: 'ignored' };
  if (!NETWORK.test(stored)) return undefined;
  return weightRole(stored.replace(LSTM, '.lstm.$3.$1_$2'));
}

/** The name in transformers. */
function fromMeta(stored: string): string {
  return stored
    .replace(META, (prefix) => prefix.replace('model', 'layers'))
    .replace(/\.(?:conv\.conv|convtr\.convtr)\./, '.conv.')
    .replace(/\.(?:conv|convtr)\.norm\./, '.norm.')
    .replace(/^quantizer\.vq\.layers\.(\d+)\._codebook\./, 'quantizer.layers.$1.codebook.');
}

/** @throws SottoError as `readConfigFile` and `parseEncodecConfig` */
export async function readConfig(dir: string): Promise<EncodecConfig> {
  return parseEncodecConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openCheckpoint(dir: string, config: EncodecConfig): Promise<Checkpoint<EncodecConfig>> {
  const upsamples = upsampleNames(config);
  return openCodecCheckpoint(dir, config, {
    namings: ENCODEC_NAMINGS,
    isTransposed: (name) => upsamples.has(name),
  });
}

/** Names of the weights of the transposed convolutions. */
function upsampleNames({
  upsampling_ratios: ratios,
  num_residual_layers: residuals,
}: EncodecConfig): ReadonlySet<string> {
  // A convolution, the LSTM, then each stage: ELU, transposed convolution, residual blocks.
  return new Set(ratios.map((_, i) => `decoder.layers.${3 + i * (2 + residuals)}.conv.weight`));
}
