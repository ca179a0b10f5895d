/** The fields of `config.json` that describe a FastConformer and its vocabulary, in the forms of NeMo and of transformers. */
import * as v from 'valibot';

import { unsupportedConfig } from '../checkpoint/config-fields.js';
import { dimension, layerCount } from '../checkpoint/config-limits.js';
import type { ConformerConfig } from './conformer-config.js';

type Parsed<Entries extends v.ObjectEntries> = v.InferOutput<v.ObjectSchema<Entries, undefined>>;

/** Of `encoder_config` of transformers; the sizes have defaults of their own in each model type. */
export const transformersEncoderFields = {
  num_key_value_heads: v.optional(dimension),
  hidden_act: v.optional(v.literal('silu')),
  attention_bias: v.optional(v.boolean(), true),
  convolution_bias: v.optional(v.boolean(), true),
  conv_kernel_size: v.optional(dimension, 9),
  subsampling_factor: v.optional(v.literal(8)),
  subsampling_conv_channels: v.optional(dimension, 256),
  subsampling_conv_kernel_size: v.optional(v.literal(3)),
  subsampling_conv_stride: v.optional(v.literal(2)),
  num_mel_bins: v.optional(dimension, 80),
  scale_input: v.optional(v.boolean(), true),
};
type TransformersEncoder = Parsed<typeof transformersEncoderFields> & {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
};

/** Of `encoder` of NeMo. */
export const nemoEncoderFields = {
  feat_in: dimension,
  n_layers: layerCount,
  d_model: dimension,
  n_heads: dimension,
  ff_expansion_factor: dimension,
  subsampling: v.literal('dw_striding'),
  subsampling_factor: v.literal(8),
  subsampling_conv_channels: dimension,
  self_attention_model: v.literal('rel_pos'),
  conv_kernel_size: dimension,
  untie_biases: v.optional(v.literal(true)),
  use_bias: v.optional(v.boolean(), true),
  xscaling: v.optional(v.boolean(), true),
};

/** @throws SottoError MODEL_UNSUPPORTED for grouped-query attention */
export function encoderOfTransformers(e: TransformersEncoder): ConformerConfig {
  if (e.num_key_value_heads !== undefined && e.num_key_value_heads !== e.num_attention_heads)
    throw unsupportedConfig('encoder_config.num_key_value_heads differs from num_attention_heads');
  return {
    bands: e.num_mel_bins,
    layers: e.num_hidden_layers,
    dims: e.hidden_size,
    heads: e.num_attention_heads,
    feedForwardDims: e.intermediate_size,
    kernelSize: e.conv_kernel_size,
    subsamplingChannels: e.subsampling_conv_channels,
    hasBias: e.attention_bias,
    hasConvolutionBias: e.convolution_bias,
    isInputScaled: e.scale_input,
  };
}

/** @param bands of the preprocessor @throws SottoError MODEL_UNSUPPORTED if the encoder has others */
export function encoderOfNemo(
  e: Omit<Parsed<typeof nemoEncoderFields>, 'self_attention_model'>,
  bands: number,
): ConformerConfig {
  if (e.feat_in !== bands)
    throw unsupportedConfig(`preprocessor.features: ${bands} bands, but encoder.feat_in is ${e.feat_in}`);
  return {
    bands,
    layers: e.n_layers,
    dims: e.d_model,
    heads: e.n_heads,
    feedForwardDims: e.d_model * e.ff_expansion_factor,
    kernelSize: e.conv_kernel_size,
    subsamplingChannels: e.subsampling_conv_channels,
    hasBias: e.use_bias,
    hasConvolutionBias: e.use_bias,
    isInputScaled: e.xscaling,
  };
}

/** The blank is the last id in every published model. @throws SottoError MODEL_UNSUPPORTED for another one */
export function tokensBeforeBlank(size: number, blank: number, field: string): number {
  if (blank === size - 1 && blank > 0) return blank;
  throw unsupportedConfig(`${field}: the blank must be the last of ${size} ids, not ${blank}`);
}

/** The vocabulary counts if it is there; the number of classes may be unset. @throws SottoError MODEL_UNSUPPORTED */
export function tokensOfNemo(
  vocabulary: readonly string[] | null | undefined,
  classes: number | null | undefined,
  section: string,
): number {
  const tokens = vocabulary?.length ?? classes;
  if (typeof tokens !== 'number' || !Number.isSafeInteger(tokens) || tokens < 1)
    throw unsupportedConfig(`${section}.vocabulary: the vocabulary is missing`);
  return tokens;
}
