/** `config.json` of a Lyra checkpoint, as test/reference/convert-lyra.py writes it: the published files have none. */
import * as v from 'valibot';

import { finite, integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import type { CodecShape } from '../codec-shape.js';
import { product } from '../layers/reach.js';

const size = v.pipe(integer, v.minValue(1), v.maxValue(4096));
const small = v.pipe(integer, v.minValue(1), v.maxValue(64));
/** The widest layer that is allocated before the weights are read; Lyra V2 has 512. */
const MAX_WIDTH = 8192;

const file = v.object({
  model_type: v.literal('lyra'),
  sampling_rate: v.pipe(integer, v.minValue(1000), v.maxValue(192_000)),
  /** Width of the latents, which are quantized. */
  hidden_size: size,
  /** Width of the first stage, and of the groups of all stages; each stage doubles the width. */
  num_filters: size,
  /** Of the first convolution of the encoder and the last one of the decoder. */
  kernel_size: v.pipe(integer, v.minValue(1), v.maxValue(1024)),
  stride: small,
  /** Of the encoder; the decoder has them in reverse. A kernel covers two strides. */
  downsampling_ratios: v.pipe(v.array(small), v.minLength(1), v.maxLength(8)),
  residual_kernel_size: small,
  /** Of the units of a stage. */
  dilations: v.pipe(
    v.array(v.pipe(integer, v.minValue(1), v.maxValue(1024))),
    v.minLength(1),
    v.maxLength(16),
  ),
  bottleneck_kernel_size: small,
  /** Slope of all activations below 0. */
  negative_slope: v.pipe(finite, v.minValue(0), v.maxValue(1)),
  num_quantizers: small,
  codebook_size: v.pipe(integer, v.minValue(2), v.maxValue(65_536)),
});

/** The fields of `config.json` that the network is built from, by their names there. */
export interface LyraConfig extends Omit<v.InferOutput<typeof file>, 'model_type'> {
  /** The weights have 8 bits in the file already; rounded activations would give other codes. */
  readonly quantization?: never;
}

export function isLyraConfig(json: Readonly<Record<string, unknown>>): boolean {
  return json.model_type === 'lyra';
}

/**
 * Validates a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field
 */
export function parseLyraConfig(json: unknown): LyraConfig {
  const { model_type: _type, ...config } = parseFields(file, json);
  const { num_filters: filters, downsampling_ratios: ratios, hidden_size: hidden } = config;
  const groups = 2 ** (ratios.length - 1);
  if (2 * groups * filters > MAX_WIDTH) throw unsupportedConfig('num_filters: the last stage is too wide');
  if (hidden % groups !== 0) throw unsupportedConfig(`hidden_size: must be a multiple of ${groups} groups`);
  if (config.kernel_size < config.stride) throw unsupportedConfig('stride: exceeds kernel_size');
  if (lyraHop(config) > config.sampling_rate) {
    throw unsupportedConfig('downsampling_ratios: a frame exceeds a second');
  }
  return config;
}

/** Samples of a frame. */
export const lyraHop = ({ stride, downsampling_ratios: ratios }: LyraConfig): number =>
  stride * product(ratios);

export function lyraShape(config: LyraConfig): CodecShape {
  return {
    sampleRate: config.sampling_rate,
    codebooks: config.num_quantizers,
    codebookSize: config.codebook_size,
    framesPerSecond: config.sampling_rate / lyraHop(config),
  };
}

/** The contents of `config.json`. */
export const lyraFile = (config: LyraConfig): Record<string, unknown> => ({ model_type: 'lyra', ...config });
