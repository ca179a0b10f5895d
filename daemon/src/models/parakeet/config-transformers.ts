/** `config.json` of transformers for Parakeet. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { dimension, durations, layerCount, symbolLimit, tokenCount } from '../checkpoint/config-limits.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { parseFields } from '../checkpoint/config-fields.js';
import { quantizationSchema, storedQuantization } from '../checkpoint/quantization.js';

const encoderConfig = v.object({
  hidden_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: dimension,
  num_key_value_heads: v.optional(dimension),
  intermediate_size: dimension,
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
});

const common = {
  encoder_config: encoderConfig,
  vocab_size: tokenCount,
  quantization: v.exactOptional(quantizationSchema),
};
const ctcFile = v.object({ ...common, model_type: v.literal('parakeet_ctc'), pad_token_id: v.number() });
const transducerFile = v.object({
  ...common,
  model_type: v.picklist(['parakeet_rnnt', 'parakeet_tdt']),
  blank_token_id: v.number(),
  decoder_hidden_size: dimension,
  num_decoder_layers: layerCount,
  hidden_act: v.optional(v.picklist(['relu', 'tanh', 'sigmoid']), 'relu'),
  max_symbols_per_step: v.optional(symbolLimit, 10),
  durations: v.optional(durations),
});

const MODEL_TYPE = /^parakeet_(ctc|rnnt|tdt)$/;

export function isTransformersConfig({ model_type: type }: Readonly<Record<string, unknown>>): boolean {
  return typeof type === 'string' && MODEL_TYPE.test(type);
}

/** @throws SottoError MODEL_UNSUPPORTED naming the field */
export function parseTransformers(json: Readonly<Record<string, unknown>>): ParakeetConfig {
  if (json.model_type === 'parakeet_ctc') {
    const file = parseFields(ctcFile, json);
    const tokens = tokensOf(file.vocab_size, file.pad_token_id, 'pad_token_id');
    return { ...encoderOf(file), tokens, hasCtc: true };
  }
  const file = parseFields(transducerFile, json);
  const tokens = tokensOf(file.vocab_size, file.blank_token_id, 'blank_token_id');
  const common = encoderOf(file);
  const isWithDurations = file.model_type === 'parakeet_tdt';
  return {
    ...common,
    tokens,
    transducer: {
      encoderDims: common.encoder.dims,
      tokens,
      predictionDims: file.decoder_hidden_size,
      predictionLayers: file.num_decoder_layers,
      jointDims: file.decoder_hidden_size,
      activation: file.hidden_act,
      durations: isWithDurations ? (file.durations ?? [0, 1, 2, 3, 4]) : [],
      maxSymbols: file.max_symbols_per_step,
    },
    hasCtc: false,
  };
}

/** The blank is the last id in every published model. */
function tokensOf(size: number, blank: number, field: string): number {
  if (blank !== size - 1 || blank === 0) {
    throw new SottoError(
      'MODEL_UNSUPPORTED',
      `config.json: ${field}: the blank must be the last of ${size} ids, not ${blank}`,
    );
  }
  return blank;
}

function encoderOf({
  encoder_config: e,
  quantization,
}: v.InferOutput<typeof ctcFile | typeof transducerFile>) {
  if (e.num_key_value_heads !== undefined && e.num_key_value_heads !== e.num_attention_heads) {
    throw new SottoError(
      'MODEL_UNSUPPORTED',
      'config.json: encoder_config.num_key_value_heads differs from num_attention_heads',
    );
  }
  return {
    encoder: {
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
    },
    normalization: 'per feature' as const,
    ...defined({ quantization: quantization && storedQuantization(quantization) }),
  };
}
