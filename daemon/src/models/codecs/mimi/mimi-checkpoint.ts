/** Opens a model directory: its config, and its arrays in the form of our network. */
import { mx, type MxArray } from '#native/index.js';

import type { Checkpoint } from '../../checkpoint/checkpoint-network.js';
import type { ArrayRole, Namings } from '../../checkpoint/naming.js';
import { readConfigFile } from '../../config-file.js';
import { CONVERTED_LAYOUT, openCodecCheckpoint, partOf, weightRole } from '../codec-checkpoint.js';
import { parseMimiConfig, type MimiConfig } from './mimi-config.js';

const SEANET = /^(?:encoder|decoder)\.layers\.\d+\./;
const TRANSFORMER =
  /^(?:encoder|decoder)_transformer\.layers\.\d+\.(?:self_attn\.(?:qkv|o)_proj\.weight|mlp\.fc[12]\.weight|(?:input|post_attention)_layernorm\.(?:weight|bias)|(?:self_attn|mlp)_layer_scale\.scale)$/;
const RESAMPLING = /^(?:down|up)sample\.conv\.weight$/;
const QUANTIZER =
  /^quantizer\.(?:semantic|acoustic)_residual_vector_quantizer\.(?:(?:input|output)_proj\.weight|layers\.\d+\.codebook\.embed)$/;

const PROJECTION = /^((?:encoder|decoder)_transformer\.layers\.\d+\.self_attn)\.([qkv])_proj\.weight$/;
const CODEBOOK_PART = /^(quantizer\..*\.codebook\.embed)_sum$|^(quantizer\..*\.codebook)\.cluster_usage$/;
/** Used only in training. */
const TRAINING = /\.codebook\.initialized$/;
const OWN_PROJECTION = /\.self_attn\.qkv_proj\.weight$/;
const KYUTAI = /^(?:encoder|decoder)\.model\./;

const KYUTAI_LAYOUT = 'kyutai';
/** Of a codebook: a row is a sum divided by the number of its members. */
const MIN_USAGE = 1e-5;

/** Array names: ours, those of transformers (older and newer), and those of Kyutai's package. */
const MIMI_NAMINGS: Namings = {
  family: 'Mimi',
  schemes: [
    {
      layout: CONVERTED_LAYOUT,
      recognizes: (names) => [...names].some((name) => OWN_PROJECTION.test(name)),
      roleOf: wholeRole,
    },
    {
      layout: KYUTAI_LAYOUT,
      recognizes: (names) => [...names].some((name) => KYUTAI.test(name)),
      roleOf: (stored) => roleOf(fromKyutai(stored)),
    },
    {
      layout: 'huggingface',
      recognizes: (names) => [...names].some((name) => SEANET.test(fromNewer(name))),
      roleOf: (stored) => roleOf(fromNewer(stored)),
    },
  ],
};

function wholeRole(name: string): ArrayRole | undefined {
  if (SEANET.test(name)) return weightRole(name);
  const isKnown = TRANSFORMER.test(name) || RESAMPLING.test(name) || QUANTIZER.test(name);
  return isKnown ? { role: 'weight', name } : undefined;
}

/** @param name in an older transformers, which is that of the published file */
function roleOf(name: string): ArrayRole | undefined {
  if (TRAINING.test(name)) return { role: 'ignored' };
  const [, at, projection] = PROJECTION.exec(name) ?? [];
  if (at !== undefined && projection !== undefined) return partOf(`${at}.qkv_proj.weight`, projection);
  const [, sum, usage] = CODEBOOK_PART.exec(name) ?? [];
  if (sum !== undefined) return partOf(sum, 'sum');
  if (usage !== undefined) return partOf(`${usage}.embed`, 'usage');
  return wholeRole(name);
}

/** A newer transformers has the encoder and the decoder as models of their own. */
function fromNewer(stored: string): string {
  return stored
    .replace(/^encoder\.encoder_seanet\./, 'encoder.')
    .replace(/^decoder\.decoder_seanet\./, 'decoder.')
    .replace(/^(?:encoder|decoder)\.((?:encoder|decoder)_transformer|downsample|upsample)\./, '$1.');
}

function fromKyutai(stored: string): string {
  return stored
    .replace(KYUTAI, (prefix) => prefix.replace('model', 'layers'))
    .replace(/^downsample\.conv\.conv\.conv\./, 'downsample.conv.')
    .replace(/^upsample\.convtr\.convtr\.convtr\./, 'upsample.conv.')
    .replace(/\.(?:conv\.conv|convtr\.convtr)\./, '.conv.')
    .replace(/_transformer\.transformer\.layers\./, '_transformer.layers.')
    .replace(/\.self_attn\.(?:in_projs\.0\.weight|in_proj_weight)$/, '.self_attn.qkv_proj.weight')
    .replace(/\.self_attn\.out_proj(?:s\.0)?\.weight$/, '.self_attn.o_proj.weight')
    .replace(/(_transformer\.layers\.\d+)\.linear([12])\./, '$1.mlp.fc$2.')
    .replace(/(_transformer\.layers\.\d+)\.norm1\./, '$1.input_layernorm.')
    .replace(/(_transformer\.layers\.\d+)\.norm2\./, '$1.post_attention_layernorm.')
    .replace(/\.layer_scale_1\.scale$/, '.self_attn_layer_scale.scale')
    .replace(/\.layer_scale_2\.scale$/, '.mlp_layer_scale.scale')
    .replace(/^quantizer\.rvq_first\./, 'quantizer.semantic_residual_vector_quantizer.')
    .replace(/^quantizer\.rvq_rest\./, 'quantizer.acoustic_residual_vector_quantizer.')
    .replace(/\.vq\.layers\.(\d+)\._codebook\.embedding_sum$/, '.layers.$1.codebook.embed_sum')
    .replace(/\.vq\.layers\.(\d+)\._codebook\._?(cluster_usage|initialized)$/, '.layers.$1.codebook.$2');
}

/** @throws SottoError as `readConfigFile` and `parseMimiConfig` */
export async function readConfig(dir: string): Promise<MimiConfig> {
  return parseMimiConfig(await readConfigFile(dir));
}

/** @throws SottoError MODEL_CORRUPT or MODEL_UNSUPPORTED, naming the file and the faulty keys */
export function openCheckpoint(dir: string, config: MimiConfig): Promise<Checkpoint<MimiConfig>> {
  const { upsampling_ratios: ratios, num_residual_layers: residuals } = config;
  // A convolution, then each stage: ELU, transposed convolution, residual blocks.
  const upsamples = new Set(ratios.map((_, i) => `decoder.layers.${2 + i * (2 + residuals)}.conv.weight`));
  return openCodecCheckpoint(dir, config, {
    namings: MIMI_NAMINGS,
    isTransposed: (name) => upsamples.has(name),
    combine,
    arrange: (name, weight, layout) =>
      layout === KYUTAI_LAYOUT && OWN_PROJECTION.test(name) ? toHalfSplit(weight, config) : weight,
  });
}

function combine(_name: string, parts: ReadonlyMap<string, MxArray>): MxArray | undefined {
  const [q, k, v] = ['q', 'k', 'v'].map((part) => parts.get(part));
  if (q && k && v) return mx.concatenate([q, k, v], 0);
  const [sum, usage] = [parts.get('sum'), parts.get('usage')];
  if (!sum || !usage) return undefined;
  if (usage.ndim !== 1 || usage.shape[0] !== sum.shape[0]) {
    throw new RangeError(`has ${usage.size} numbers of members for ${sum.shape[0] ?? 0} rows`);
  }
  return mx.divide(
    mx.astype(sum, 'float32'),
    mx.expandDims(mx.maximum(mx.astype(usage, 'float32'), MIN_USAGE), 1),
  );
}

/** Rows of queries and keys [3 H D, in] from pairs that lie side by side to pairs of the two halves of a head. */
function toHalfSplit(weight: MxArray, { num_attention_heads: heads, head_dim: dims }: MimiConfig): MxArray {
  const [rows = 0, inputs = 0] = weight.shape;
  if (rows !== 3 * heads * dims) throw new RangeError(`has ${rows} rows, not ${3 * heads * dims}`);
  const [queriesKeys, values] = mx.split(weight, [2 * heads * dims], 0) as [MxArray, MxArray];
  const pairs = mx.reshape(queriesKeys, [2 * heads, dims / 2, 2, inputs]);
  const halves = mx.reshape(mx.transpose(pairs, [0, 2, 1, 3]), [2 * heads * dims, inputs]);
  return mx.concatenate([halves, values], 0);
}
