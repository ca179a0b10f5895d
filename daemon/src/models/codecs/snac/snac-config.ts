/** `config.json` of a SNAC checkpoint. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension, tokenCount } from '../../checkpoint/config-limits.js';
import type { CodecShape } from '../codec-shape.js';
import { product } from '../layers/reach.js';

const HEAD_DIMS = 64;
const rate = v.pipe(integer, v.minValue(2), v.maxValue(64));
const rates = v.pipe(v.array(rate), v.minLength(1), v.maxLength(8));
const stride = v.pipe(integer, v.minValue(1), v.maxValue(64));

const file = v.object({
  sampling_rate: v.pipe(integer, v.minValue(8_000), v.maxValue(192_000)),
  encoder_dim: dimension,
  encoder_rates: rates,
  latent_dim: v.nullish(dimension),
  decoder_dim: dimension,
  decoder_rates: rates,
  attn_window_size: v.nullish(v.pipe(integer, v.minValue(1), v.maxValue(1024))),
  codebook_size: tokenCount,
  codebook_dim: dimension,
  vq_strides: v.pipe(v.array(stride), v.minLength(1), v.maxLength(16)),
  // Every published checkpoint has both.
  noise: v.literal(true),
  depthwise: v.literal(true),
});

export interface SnacConfig extends Omit<
  v.InferOutput<typeof file>,
  'latent_dim' | 'attn_window_size' | 'noise' | 'depthwise'
> {
  readonly latent_dim: number;
  readonly quantization?: never;
  readonly attn_window_size: number | null;
}

export const isSnacConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  'vq_strides' in json && 'encoder_rates' in json;

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseSnacConfig(json: unknown): SnacConfig {
  const {
    latent_dim,
    attn_window_size,
    noise: _noise,
    depthwise: _depthwise,
    ...rest
  } = parseFields(file, json);
  const width = rest.encoder_dim * 2 ** rest.encoder_rates.length;
  const config = { ...rest, latent_dim: latent_dim ?? width, attn_window_size: attn_window_size ?? null };
  check(config, width);
  return config;
}

/** The contents of `config.json`. */
export const snacFile = (config: SnacConfig): Record<string, unknown> => ({
  ...config,
  noise: true,
  depthwise: true,
});

function check(config: SnacConfig, encoderWidth: number): void {
  const { decoder_dim: width, decoder_rates: up, vq_strides: strides, latent_dim: latent } = config;
  // The encoder has no layer that changes the width at its end.
  if (latent !== encoderWidth) throw unsupportedConfig(`latent_dim: must be ${encoderWidth}`);
  if (!v.is(dimension, latent)) throw unsupportedConfig('encoder_dim: is too large for so many rates');
  if (width % 2 ** up.length !== 0) throw unsupportedConfig('decoder_dim: must halve at every rate');
  if (product(up) !== product(config.encoder_rates))
    throw unsupportedConfig('decoder_rates: must undo encoder_rates');
  const coarsest = strides[0] ?? 1;
  if (strides.some((own) => coarsest % own !== 0))
    throw unsupportedConfig('vq_strides: must divide the first');
  if (config.attn_window_size !== null && (latent % HEAD_DIMS !== 0 || width % HEAD_DIMS !== 0)) {
    throw unsupportedConfig(`attn_window_size: attention needs widths that are multiples of ${HEAD_DIMS}`);
  }
}

export const snacHop = ({ encoder_rates: down }: SnacConfig): number => product(down);

/** Frames of the finest codebook that are computed together: whole frames of all codebooks, whole attention windows. */
export function blockFrames({ vq_strides: strides, attn_window_size: window }: SnacConfig): number {
  return lcm(strides[0] ?? 1, window ?? 1);
}

export function snacShape(config: SnacConfig): CodecShape {
  const finest = Math.min(...config.vq_strides);
  return {
    sampleRate: config.sampling_rate,
    codebooks: config.vq_strides.length,
    codebookSize: config.codebook_size,
    framesPerSecond: config.sampling_rate / snacHop(config) / finest,
    strides: config.vq_strides.map((stride) => stride / finest),
  };
}

function lcm(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
