/** `config.json` of an Encodec checkpoint. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { finite, integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { seanetHop } from '../layers/seanet.js';
import type { CodecShape } from '../codec-shape.js';
import { segmentSize } from './segment-plan.js';

/** No published codec has a dimension beyond 1024; it bounds what is allocated before the weights are read. */
const size = v.pipe(integer, v.minValue(1), v.maxValue(8192));
const small = v.pipe(integer, v.minValue(1), v.maxValue(64));
const rate = v.pipe(integer, v.minValue(1000), v.maxValue(192_000));
/** Of frames that a kernel covers. */
const MAX_DILATION = 4096;
/** Codebooks of the highest bandwidth. */
const MAX_CODEBOOKS = 64;

/** Defaults are those of transformers, which omits them in some files. */
const file = v.object({
  model_type: v.literal('encodec'),
  target_bandwidths: v.optional(
    v.pipe(v.array(v.pipe(finite, v.gtValue(0), v.maxValue(1000))), v.minLength(1), v.maxLength(32)),
    [1.5, 3, 6, 12, 24],
  ),
  sampling_rate: v.optional(rate, 24_000),
  audio_channels: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(2)), 1),
  normalize: v.optional(v.boolean(), false),
  chunk_length_s: v.nullish(v.pipe(finite, v.gtValue(0), v.maxValue(60))),
  overlap: v.nullish(v.pipe(finite, v.minValue(0), v.maxValue(0.9))),
  hidden_size: v.optional(size, 128),
  num_filters: v.optional(size, 32),
  num_residual_layers: v.optional(small, 1),
  upsampling_ratios: v.optional(v.pipe(v.array(small), v.minLength(1), v.maxLength(8)), [8, 5, 4, 2]),
  norm_type: v.optional(v.picklist(['weight_norm', 'time_group_norm']), 'weight_norm'),
  kernel_size: v.optional(small, 7),
  last_kernel_size: v.optional(small, 7),
  residual_kernel_size: v.optional(small, 3),
  dilation_growth_rate: v.optional(small, 2),
  use_causal_conv: v.optional(v.boolean(), true),
  pad_mode: v.optional(v.picklist(['reflect', 'constant', 'replicate']), 'reflect'),
  compress: v.optional(small, 2),
  num_lstm_layers: v.optional(v.pipe(integer, v.minValue(1), v.maxValue(16)), 2),
  /** The share of the trim at the end. All published checkpoints have 1. */
  trim_right_ratio: v.optional(v.literal(1), 1),
  codebook_size: v.optional(v.pipe(integer, v.minValue(2), v.maxValue(65_536)), 1024),
  codebook_dim: v.nullish(size),
  use_conv_shortcut: v.optional(v.boolean(), true),
});

type File = v.InferOutput<typeof file>;

/** The fields of `config.json` that the network is built from, by their names there. */
export interface EncodecConfig extends Omit<
  File,
  'model_type' | 'codebook_dim' | 'chunk_length_s' | 'overlap' | 'trim_right_ratio'
> {
  /** Null for a codec without segments. */
  readonly chunk_length_s: number | null;
  /** Share of a segment that the next one has, too. */
  readonly overlap: number | null;
  /** Rounded weights give other codes. */
  readonly quantization?: never;
}

export function isEncodecConfig(json: Readonly<Record<string, unknown>>): boolean {
  return json.model_type === 'encodec';
}

/**
 * Validates a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseEncodecConfig(json: unknown): EncodecConfig {
  const {
    model_type: _type,
    trim_right_ratio: _ratio,
    codebook_dim: dims,
    ...fields
  } = parseFields(file, json);
  if (dims != null && dims !== fields.hidden_size)
    throw unsupportedConfig('codebook_dim: must be hidden_size');
  const { chunk_length_s: seconds, overlap, ...rest } = fields;
  const config = { ...rest, chunk_length_s: seconds ?? null, overlap: overlap ?? null };
  checkNetwork(config);
  checkSegments(config);
  return config;
}

function checkNetwork(config: EncodecConfig): void {
  if (config.num_filters * 2 ** config.upsampling_ratios.length > 65_536) {
    throw unsupportedConfig('num_filters: the last stage is too wide');
  }
  if (config.dilation_growth_rate ** (config.num_residual_layers - 1) > MAX_DILATION) {
    throw unsupportedConfig(`dilation_growth_rate: the dilation exceeds ${MAX_DILATION}`);
  }
  if (config.compress > config.num_filters) throw unsupportedConfig('compress: must not exceed num_filters');
  const hop = seanetHop(config);
  if (hop > config.sampling_rate) throw unsupportedConfig('upsampling_ratios: a frame exceeds a second');
  const codebooks = codebookCounts(config);
  if (!codebooks.every((count) => count >= 1 && count <= MAX_CODEBOOKS)) {
    throw unsupportedConfig(`target_bandwidths: must give 1 … ${MAX_CODEBOOKS} codebooks`);
  }
}

/** A codec that is causal has a state; one that is not has segments. */
function checkSegments(config: EncodecConfig): void {
  const { use_causal_conv: isCausal, norm_type: norm, chunk_length_s: seconds, overlap } = config;
  if (isCausal !== (norm === 'weight_norm'))
    throw unsupportedConfig('norm_type: does not fit use_causal_conv');
  if (isCausal === (seconds !== null))
    throw unsupportedConfig('chunk_length_s: does not fit use_causal_conv');
  if (seconds !== null && overlap === null)
    throw unsupportedConfig('overlap: missing, but there are segments');
  if (isCausal && config.normalize) throw unsupportedConfig('normalize: needs segments');
  if (isCausal && config.audio_channels !== 1)
    throw unsupportedConfig('audio_channels: must be 1 without segments');
}

/** Frames of a second, rounded up as transformers does. */
export const frameRate = (config: EncodecConfig): number =>
  Math.ceil(config.sampling_rate / seanetHop(config));

const codeBits = ({ codebook_size: rows }: EncodecConfig): number => Math.ceil(Math.log2(rows));

/** Codebooks of each of the bandwidths, in their order. */
export function codebookCounts(config: EncodecConfig): number[] {
  const bits = frameRate(config) * codeBits(config);
  return config.target_bandwidths.map((kbps) => Math.floor((1000 * kbps) / bits));
}

export function encodecShape(config: EncodecConfig): CodecShape {
  return {
    sampleRate: config.sampling_rate,
    codebooks: codebookCounts(config).at(-1) ?? 0,
    codebookSize: config.codebook_size,
    framesPerSecond: config.sampling_rate / seanetHop(config),
    ...defined({ segment: segmentOf(config), scales: config.normalize || undefined }),
  };
}

function segmentOf(config: EncodecConfig): CodecShape['segment'] {
  const size = segmentSize(config);
  return size && { samples: size.length, stride: size.stride };
}

/** The contents of `config.json`. */
export function encodecFile(config: EncodecConfig): Record<string, unknown> {
  return { model_type: 'encodec', ...config };
}
