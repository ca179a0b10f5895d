/** `config.json` of a Wav2Vec2 checkpoint with a CTC head. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { finite, integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../checkpoint/config-fields.js';
import {
  quantizationEntry,
  quantizationSchema,
  storedQuantization,
  type StoredQuantization,
} from '../checkpoint/quantization.js';

const size = v.pipe(integer, v.minValue(1), v.maxValue(65_536));
const sizes = v.pipe(v.array(size), v.minLength(1), v.maxLength(32));
/** GELU is the exact one of all published checkpoints. */
const gelu = v.optional(v.literal('gelu'), 'gelu');
const SEVEN = 7;

/** Defaults are those of transformers, which omits them in some files. */
const fields = {
  vocab_size: v.optional(size, 32),
  hidden_size: v.optional(size, 768),
  num_hidden_layers: v.optional(v.pipe(size, v.maxValue(1024)), 12),
  num_attention_heads: v.optional(size, 12),
  intermediate_size: v.optional(size, 3072),
  hidden_act: gelu,
  layer_norm_eps: v.optional(v.pipe(finite, v.gtValue(0), v.maxValue(1)), 1e-5),
  feat_extract_norm: v.optional(v.picklist(['group', 'layer']), 'group'),
  feat_extract_activation: gelu,
  conv_dim: v.optional(sizes, new Array<number>(SEVEN).fill(512)),
  conv_stride: v.optional(sizes, [5, 2, 2, 2, 2, 2, 2]),
  conv_kernel: v.optional(sizes, [10, 3, 3, 3, 3, 2, 2]),
  conv_bias: v.optional(v.boolean(), false),
  num_conv_pos_embeddings: v.optional(size, 128),
  num_conv_pos_embedding_groups: v.optional(size, 16),
  do_stable_layer_norm: v.optional(v.boolean(), false),
  add_adapter: v.optional(v.boolean(), false),
  adapter_kernel_size: v.optional(size, 3),
  adapter_stride: v.optional(size, 2),
  num_adapter_layers: v.optional(v.pipe(size, v.maxValue(32)), 3),
  output_hidden_size: v.nullish(size),
  adapter_attn_dim: v.nullish(size),
};
const file = v.object({
  ...fields,
  model_type: v.literal('wav2vec2'),
  architectures: v.nullish(v.array(v.string())),
  quantization: v.exactOptional(quantizationSchema),
});

type File = v.InferOutput<typeof file>;

/** The fields of `config.json` that the network is built from, by their names there. */
export interface Wav2Vec2Config extends Omit<
  File,
  'model_type' | 'architectures' | 'quantization' | 'output_hidden_size' | 'adapter_attn_dim'
> {
  /** Width of the head’s input. */
  readonly output_hidden_size: number;
  /** Width of the adapters of a language; undefined without them. */
  readonly adapter_attn_dim: number | undefined;
  readonly quantization?: StoredQuantization;
}

const HEAD = 'Wav2Vec2ForCTC';

export function isWav2Vec2Config(json: Readonly<Record<string, unknown>>): boolean {
  return json.model_type === 'wav2vec2';
}

/**
 * Validates a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseWav2Vec2Config(json: unknown): Wav2Vec2Config {
  const { model_type: _type, architectures, quantization, ...rest } = parseFields(file, json);
  if (architectures && architectures.length > 0 && !architectures.includes(HEAD)) {
    throw unsupportedConfig(`architectures: ${architectures.join(', ')} writes no text; ${HEAD} does`);
  }
  const { output_hidden_size: output, adapter_attn_dim: adapter, ...dimensions } = rest;
  const config = {
    ...dimensions,
    output_hidden_size: dimensions.add_adapter ? (output ?? dimensions.hidden_size) : dimensions.hidden_size,
    adapter_attn_dim: adapter ?? undefined,
    ...defined({ quantization: quantization && storedQuantization(quantization) }),
  };
  checkDimensions(config);
  return config;
}

/** The contents of `config.json`. */
export function wav2Vec2File({ quantization, ...config }: Wav2Vec2Config): Record<string, unknown> {
  return {
    model_type: 'wav2vec2',
    architectures: [HEAD],
    ...config,
    ...defined({ quantization: quantization && quantizationEntry(quantization) }),
  };
}

function checkDimensions(config: Wav2Vec2Config): void {
  const { conv_dim: dims, conv_kernel: kernels, conv_stride: strides, hidden_size: hidden } = config;
  if (kernels.length !== dims.length || strides.length !== dims.length) {
    throw unsupportedConfig('conv_dim, conv_kernel and conv_stride: must have the same length');
  }
  const skipping = strides.findIndex((stride, i) => stride > (kernels[i] ?? 0));
  if (skipping >= 0) throw unsupportedConfig(`conv_stride.${skipping}: must not exceed the kernel`);
  for (const name of ['num_attention_heads', 'num_conv_pos_embedding_groups'] as const) {
    if (hidden % config[name] !== 0) throw unsupportedConfig(`${name}: must divide hidden_size`);
  }
  if (config.adapter_attn_dim !== undefined && !config.do_stable_layer_norm) {
    throw unsupportedConfig('adapter_attn_dim: needs do_stable_layer_norm');
  }
}

/** Samples from one frame to the next, and samples that a frame reads, before `add_adapter`. */
export function frameGeometry({ conv_kernel: kernels, conv_stride: strides }: Wav2Vec2Config): {
  hop: number;
  window: number;
} {
  let [hop, window] = [1, 1];
  for (const [i, kernel] of kernels.entries()) {
    window += (kernel - 1) * hop;
    hop *= strides[i] ?? 1;
  }
  return { hop, window };
}

/** Samples from one output of the network to the next. */
export function outputHop(config: Wav2Vec2Config): number {
  const { hop } = frameGeometry(config);
  return config.add_adapter ? hop * config.adapter_stride ** config.num_adapter_layers : hop;
}
