/** Array names: those of transformers with a weight norm in two spellings, and ours, where it is folded. */
import type { ArrayRole, Naming, Namings } from '../checkpoint/naming.js';

export type Wav2Vec2Role = 'magnitudes' | 'directions';

const POSITIONS = 'wav2vec2.encoder.pos_conv_embed.conv';
/** The network’s name of the folded kernel. */
export const POSITIONS_WEIGHT = `${POSITIONS}.weight`;

const MAGNITUDES = [`${POSITIONS}.weight_g`, `${POSITIONS}.parametrizations.weight.original0`];
const DIRECTIONS = [`${POSITIONS}.weight_v`, `${POSITIONS}.parametrizations.weight.original1`];

/** Used only in training. */
const TRAINING = /^(?:wav2vec2\.masked_spec_embed|quantizer\..*|project_(?:hid|q)\..*|dropout_features\..*)$/;
const NETWORK = /^(?:wav2vec2|lm_head)\./;

const huggingFaceNaming: Naming<Wav2Vec2Role> = {
  layout: 'huggingface',
  recognizes: (names) => [...names].some((name) => NETWORK.test(name)),
  roleOf: (stored) => {
    if (MAGNITUDES.includes(stored)) return { role: 'magnitudes' };
    if (DIRECTIONS.includes(stored)) return { role: 'directions' };
    return roleOf(stored);
  },
};

/** As `models convert` writes it: kernels in MLX’s layout. */
const mlxNaming: Naming<Wav2Vec2Role> = {
  layout: 'mlx',
  recognizes: (names) => names.has(POSITIONS_WEIGHT),
  roleOf,
};

export const WAV2VEC2_NAMINGS: Namings<Wav2Vec2Role> = {
  family: 'Wav2Vec2',
  schemes: [mlxNaming, huggingFaceNaming],
};

function roleOf(stored: string): ArrayRole<Wav2Vec2Role> | undefined {
  if (TRAINING.test(stored)) return { role: 'ignored' };
  return NETWORK.test(stored) ? { role: 'weight', name: stored } : undefined;
}
