/** `config.json` of a DAC checkpoint: with the arguments of descript-audio-codec, or the fields of transformers. */
import * as v from 'valibot';

import { integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../../checkpoint/config-fields.js';
import { dimension, tokenCount } from '../../checkpoint/config-limits.js';
import type { CodecShape } from '../codec-shape.js';
import { product } from '../layers/reach.js';

const rate = v.pipe(integer, v.minValue(2), v.maxValue(64));
const rates = v.pipe(v.array(rate), v.minLength(1), v.maxLength(8));
const sampleRate = v.pipe(integer, v.minValue(8_000), v.maxValue(192_000));
const codebooks = {
  n_codebooks: v.pipe(integer, v.minValue(1), v.maxValue(64)),
  codebook_size: tokenCount,
  codebook_dim: dimension,
};

/** The arguments of `dac.DAC`. */
const own = v.object({
  ...codebooks,
  sample_rate: sampleRate,
  encoder_dim: dimension,
  encoder_rates: rates,
  latent_dim: v.nullish(dimension),
  decoder_dim: dimension,
  decoder_rates: rates,
});

/** All are required: the defaults of transformers mix the rates of the 44.1 kHz model with 16 kHz. */
const huggingFace = v.object({
  ...codebooks,
  model_type: v.literal('dac'),
  sampling_rate: sampleRate,
  encoder_hidden_size: dimension,
  downsampling_ratios: rates,
  hidden_size: dimension,
  decoder_hidden_size: dimension,
  upsampling_ratios: rates,
});

export interface DacConfig extends Omit<v.InferOutput<typeof own>, 'latent_dim'> {
  readonly latent_dim: number;
  readonly quantization?: never;
}

export const isDacConfig = (json: Readonly<Record<string, unknown>>): boolean =>
  json.model_type === 'dac' || ('n_codebooks' in json && 'encoder_rates' in json && 'sample_rate' in json);

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseDacConfig(json: unknown): DacConfig {
  const isHuggingFace = typeof json === 'object' && json !== null && 'model_type' in json;
  const config = isHuggingFace ? fromHuggingFace(json) : fromArguments(json);
  const { decoder_dim: width, encoder_rates: down, decoder_rates: up } = config;
  if (width % 2 ** up.length !== 0)
    throw unsupportedConfig('the width of the decoder must halve at every rate');
  if (product(up) !== product(down))
    throw unsupportedConfig('the rates of the decoder must undo those of the encoder');
  if (!v.is(dimension, config.latent_dim) || !v.is(dimension, config.encoder_dim * 2 ** down.length)) {
    throw unsupportedConfig('the width of the encoder is too large for so many rates');
  }
  return config;
}

function fromArguments(json: unknown): DacConfig {
  const { latent_dim: latent, ...rest } = parseFields(own, json);
  return { ...rest, latent_dim: latent ?? rest.encoder_dim * 2 ** rest.encoder_rates.length };
}

function fromHuggingFace(json: unknown): DacConfig {
  const fields = parseFields(huggingFace, json);
  return {
    sample_rate: fields.sampling_rate,
    encoder_dim: fields.encoder_hidden_size,
    encoder_rates: fields.downsampling_ratios,
    latent_dim: fields.hidden_size,
    decoder_dim: fields.decoder_hidden_size,
    decoder_rates: fields.upsampling_ratios,
    n_codebooks: fields.n_codebooks,
    codebook_size: fields.codebook_size,
    codebook_dim: fields.codebook_dim,
  };
}

/** The contents of `config.json`. */
export const dacFile = (config: DacConfig): Record<string, unknown> => ({ ...config });

export const dacHop = ({ encoder_rates: down }: DacConfig): number => product(down);

export function dacShape(config: DacConfig): CodecShape {
  return {
    sampleRate: config.sample_rate,
    codebooks: config.n_codebooks,
    codebookSize: config.codebook_size,
    framesPerSecond: config.sample_rate / dacHop(config),
  };
}
