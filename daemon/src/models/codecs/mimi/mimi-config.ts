/** `config.json` of a Mimi checkpoint. */
import * as v from 'valibot';

import { finite, integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import type { CodecShape } from '../codec-shape.js';
import { seanetHop } from '../layers/seanet.js';

/** No published codec has a dimension beyond 2048; it bounds what is allocated before the weights are read. */
const size = v.pipe(integer, v.minValue(1), v.maxValue(8192));
const small = v.pipe(integer, v.minValue(1), v.maxValue(64));
const rate = v.pipe(finite, v.gtValue(0), v.maxValue(10_000));
const theta = v.pipe(finite, v.minValue(1), v.maxValue(1e9));
/** Of frames that a kernel covers. */
const MAX_DILATION = 4096;

/** Defaults are those of transformers, which omits them in some files. */
const file = v.object({
  model_type: v.literal('mimi'),
  sampling_rate: v.optional(v.pipe(integer, v.minValue(1000), v.maxValue(192_000)), 24_000),
  frame_rate: v.nullish(rate),
  audio_channels: v.optional(v.literal(1), 1),
  hidden_size: v.optional(size, 512),
  num_filters: v.optional(size, 64),
  num_residual_layers: v.optional(small, 1),
  upsampling_ratios: v.optional(v.pipe(v.array(small), v.minLength(1), v.maxLength(8)), [8, 6, 5, 4]),
  kernel_size: v.optional(small, 7),
  last_kernel_size: v.optional(small, 3),
  residual_kernel_size: v.optional(small, 3),
  dilation_growth_rate: v.optional(small, 2),
  use_causal_conv: v.optional(v.literal(true), true),
  pad_mode: v.optional(v.picklist(['reflect', 'constant', 'replicate']), 'constant'),
  compress: v.optional(small, 2),
  /** The share of the trim at the end. All published checkpoints have 1. */
  trim_right_ratio: v.optional(v.literal(1), 1),
  codebook_size: v.optional(v.pipe(integer, v.minValue(2), v.maxValue(65_536)), 2048),
  codebook_dim: v.nullish(size),
  num_quantizers: v.optional(v.pipe(integer, v.minValue(2), v.maxValue(64)), 32),
  num_semantic_quantizers: v.optional(small, 1),
  use_conv_shortcut: v.optional(v.boolean(), false),
  vector_quantization_hidden_dimension: v.optional(size, 256),
  upsample_groups: v.optional(size, 512),
  num_hidden_layers: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(256)), 8),
  intermediate_size: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(65_536)), 2048),
  num_attention_heads: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(256)), 8),
  num_key_value_heads: v.nullish(size),
  head_dim: v.nullish(v.pipe(integer, v.minValue(2), v.maxValue(1024))),
  hidden_act: v.optional(v.literal('gelu'), 'gelu'),
  norm_eps: v.optional(v.pipe(finite, v.gtValue(0), v.maxValue(1)), 1e-5),
  rope_theta: v.nullish(theta),
  rope_parameters: v.nullish(
    v.object({ rope_theta: theta, rope_type: v.optional(v.literal('default'), 'default') }),
  ),
  sliding_window: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(65_536)), 250),
  attention_bias: v.optional(v.literal(false), false),
});

type File = v.InferOutput<typeof file>;

/** The fields of `config.json` that the network is built from, by their names there. */
export interface MimiConfig extends Omit<
  File,
  | 'model_type'
  | 'codebook_dim'
  | 'num_key_value_heads'
  | 'rope_parameters'
  | 'frame_rate'
  | 'head_dim'
  | 'rope_theta'
> {
  readonly head_dim: number;
  readonly rope_theta: number;
  /** Frames of the network between the convolutions for each frame of codes. */
  readonly latent_stride: number;
  /** Mimi has neither. */
  readonly num_lstm_layers: 0;
  readonly norm_type: 'weight_norm';
  /** Rounded weights give other codes. */
  readonly quantization?: never;
}

export function isMimiConfig(json: Readonly<Record<string, unknown>>): boolean {
  return json.model_type === 'mimi';
}

const DEFAULT_THETA = 10_000;
/** Of all published checkpoints. */
const DEFAULT_LATENT_STRIDE = 2;

/**
 * Validates a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseMimiConfig(json: unknown): MimiConfig {
  const {
    model_type: _type,
    codebook_dim: rowDims,
    num_key_value_heads: keyHeads,
    ...rest
  } = parseFields(file, json);
  const {
    frame_rate: frames,
    head_dim: headDims,
    rope_theta: oldTheta,
    rope_parameters: rope,
    ...fields
  } = rest;
  const config = {
    ...fields,
    head_dim: headDims ?? Math.floor(fields.hidden_size / fields.num_attention_heads),
    rope_theta: rope?.rope_theta ?? oldTheta ?? DEFAULT_THETA,
    latent_stride: DEFAULT_LATENT_STRIDE,
    num_lstm_layers: 0,
    norm_type: 'weight_norm',
  } as const;
  checkConvolutions(config);
  checkTransformer(config, keyHeads);
  checkQuantizer(config, rowDims);
  const stride = frames == null ? DEFAULT_LATENT_STRIDE : latentRate(config) / frames;
  if (!Number.isInteger(stride) || stride < 2 || stride > 64) {
    throw unsupportedConfig('frame_rate: must be that of the convolutions divided by 2 … 64');
  }
  return { ...config, latent_stride: stride };
}

/** Frames of a second between the convolutions, rounded up as transformers does. */
const latentRate = (config: Pick<MimiConfig, 'upsampling_ratios' | 'sampling_rate'>): number =>
  Math.ceil(config.sampling_rate / seanetHop(config));

function checkConvolutions(config: MimiConfig): void {
  if (config.num_filters * 2 ** config.upsampling_ratios.length > 65_536) {
    throw unsupportedConfig('num_filters: the last stage is too wide');
  }
  if (config.dilation_growth_rate ** (config.num_residual_layers - 1) > MAX_DILATION) {
    throw unsupportedConfig(`dilation_growth_rate: the dilation exceeds ${MAX_DILATION}`);
  }
  if (config.compress > config.num_filters) throw unsupportedConfig('compress: must not exceed num_filters');
  if (mimiHop(config) > 8 * config.sampling_rate)
    throw unsupportedConfig('upsampling_ratios: a frame exceeds 8 s');
}

function checkTransformer(config: MimiConfig, keyHeads: number | null | undefined): void {
  if (keyHeads != null && keyHeads !== config.num_attention_heads) {
    throw unsupportedConfig('num_key_value_heads: must be num_attention_heads');
  }
  if (config.head_dim < 2 || config.head_dim % 2 !== 0) throw unsupportedConfig('head_dim: must be even');
  if (config.upsample_groups !== config.hidden_size) {
    throw unsupportedConfig('upsample_groups: must be hidden_size');
  }
}

function checkQuantizer(config: MimiConfig, rowDims: number | null | undefined): void {
  if (config.num_semantic_quantizers >= config.num_quantizers) {
    throw unsupportedConfig('num_semantic_quantizers: must be below num_quantizers');
  }
  if ((rowDims ?? config.hidden_size) !== config.vector_quantization_hidden_dimension) {
    throw unsupportedConfig('codebook_dim: must be vector_quantization_hidden_dimension');
  }
}

/** Samples of a frame of codes. */
export const mimiHop = (config: MimiConfig): number => seanetHop(config) * config.latent_stride;

export function mimiShape(config: MimiConfig): CodecShape {
  return {
    sampleRate: config.sampling_rate,
    codebooks: config.num_quantizers,
    codebookSize: config.codebook_size,
    framesPerSecond: config.sampling_rate / mimiHop(config),
  };
}

/** The contents of `config.json`. */
export function mimiFile({
  latent_stride: stride,
  rope_theta: base,
  ...config
}: MimiConfig): Record<string, unknown> {
  const { num_lstm_layers: _layers, norm_type: _norm, ...fields } = config;
  return {
    model_type: 'mimi',
    ...fields,
    codebook_dim: config.vector_quantization_hidden_dimension,
    frame_rate: latentRate(config) / stride,
    rope_theta: base,
  };
}
