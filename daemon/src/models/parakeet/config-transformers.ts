/** `config.json` of transformers for Parakeet. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';

import { dimension, durations, layerCount, symbolLimit, tokenCount } from '../checkpoint/config-limits.js';
import {
  encoderOfTransformers,
  tokensBeforeBlank,
  transformersEncoderFields,
} from '../conformer/conformer-fields.js';
import type { ParakeetConfig } from './parakeet-config.js';
import { parseFields } from '../checkpoint/config-fields.js';
import { quantizationSchema, storedQuantization } from '../checkpoint/quantization.js';

const encoderConfig = v.object({
  ...transformersEncoderFields,
  hidden_size: dimension,
  num_hidden_layers: layerCount,
  num_attention_heads: dimension,
  intermediate_size: dimension,
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
    const tokens = tokensBeforeBlank(file.vocab_size, file.pad_token_id, 'pad_token_id');
    return { ...encoderOf(file), tokens, hasCtc: true };
  }
  const file = parseFields(transducerFile, json);
  const tokens = tokensBeforeBlank(file.vocab_size, file.blank_token_id, 'blank_token_id');
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

function encoderOf({
  encoder_config: encoder,
  quantization,
}: v.InferOutput<typeof ctcFile | typeof transducerFile>) {
  return {
    encoder: encoderOfTransformers(encoder),
    normalization: 'per feature' as const,
    ...defined({ quantization: quantization && storedQuantization(quantization) }),
  };
}
