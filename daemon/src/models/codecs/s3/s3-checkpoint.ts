/** Array names of an S3 tokenizer: those of s3tokenizer, and of mlx-audio. */
import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Naming } from '../../checkpoint/naming.js';
import { checkPositions } from '../../audio-encoder/check-positions.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, type CodecForm } from '../codec-checkpoint.js';
import { parseS3Config, type S3Config } from './s3-config.js';

/** Arrays that are no weights. */
type S3Role = 'positions';

const NETWORK = /^(?:encoder\.(?:conv[12]|blocks\.\d+)|quantizer)\./;
/** Computed, not learned: tables of rotary positions, and of the spectrogram. */
const COMPUTED = /^(?:encoder\.)?_?(?:freqs_cis(?:\.\d)?|mel_filters|window)$/;

/** @param names of both spellings of a name → that of our network */
const roleOf =
  (names: readonly (readonly [RegExp, string])[]) =>
  (stored: string): ArrayRole<S3Role> | undefined => {
    if (stored === 'encoder.positional_embedding') return { role: 'positions' };
    if (COMPUTED.test(stored)) return { role: 'ignored' };
    if (!NETWORK.test(stored)) return undefined;
    const name = names.reduce((before, [pattern, own]) => before.replace(pattern, own), stored);
    return { role: 'weight', name };
  };

const torchNaming: Naming<S3Role> = {
  layout: 's3tokenizer',
  recognizes: (names) => names.has('encoder.blocks.0.mlp.0.weight'),
  roleOf: roleOf([
    [/^quantizer\._codebook\./, 'quantizer.codebook.'],
    [/\.mlp\.0\./, '.mlp1.'],
    [/\.mlp\.2\./, '.mlp2.'],
  ]),
};

/** As mlx-audio and `models convert` write it. */
const mlxNaming: Naming<S3Role> = {
  layout: CONVERTED_LAYOUT,
  recognizes: (names) =>
    names.has('encoder.blocks.0.mlp.layers.0.weight') || names.has('encoder.blocks.0.mlp1.weight'),
  roleOf: roleOf([
    [/^quantizer\.(?:fsq_codebook|_codebook)\./, 'quantizer.codebook.'],
    [/\.mlp\.layers\.0\./, '.mlp1.'],
    [/\.mlp\.layers\.2\./, '.mlp2.'],
  ]),
};

const s3Form = ({ n_audio_ctx: positions, n_audio_state: dims }: S3Config): CodecForm<S3Role> => ({
  namings: { family: 'S3 tokenizer', schemes: [mlxNaming, torchNaming] },
  isTransposed: () => false,
  verify: async (stored) => {
    const found = await stored.other('positions');
    if (found) await checkPositions(found, [positions, dims], stored.location);
  },
});

/** @throws SottoError as `readConfigFile` and `parseS3Config` */
export async function readS3Config(dir: string): Promise<S3Config> {
  return parseS3Config(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openS3Checkpoint(dir: string, config: S3Config): Promise<Checkpoint<S3Config>> {
  return openCodecCheckpoint(dir, config, s3Form(config));
}
