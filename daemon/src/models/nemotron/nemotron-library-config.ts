/** `config.json` of transformers for Nemotron streaming. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { integer } from '#daemon/protocol/fields.js';

import { dimension, layerCount, symbolLimit, tokenCount } from '../checkpoint/config-limits.js';
import { parseFields } from '../checkpoint/config-fields.js';
import { quantizationSchema, storedQuantization } from '../checkpoint/quantization.js';
import {
  encoderOfTransformers,
  tokensBeforeBlank,
  transformersEncoderFields,
} from '../conformer/conformer-fields.js';
import type { NemotronConfig } from './nemotron-config.js';

const count = v.pipe(integer, v.minValue(0));

const encoderConfig = v.object({
  ...transformersEncoderFields,
  hidden_size: v.optional(dimension, 1024),
  num_hidden_layers: v.optional(layerCount, 24),
  num_attention_heads: v.optional(dimension, 8),
  intermediate_size: v.optional(dimension, 4096),
  /** The frame itself and those before it. */
  sliding_window: v.optional(v.pipe(integer, v.minValue(1)), 71),
  default_num_lookahead_tokens: v.optional(count, 13),
});

const schema = v.object({
  model_type: v.picklist(['nemotron_asr_streaming', 'nemotron3_5_asr']),
  encoder_config: encoderConfig,
  vocab_size: v.optional(tokenCount),
  blank_token_id: v.optional(v.number()),
  decoder_hidden_size: v.optional(dimension, 640),
  num_decoder_layers: v.optional(layerCount, 2),
  hidden_act: v.optional(v.picklist(['relu', 'tanh', 'sigmoid']), 'relu'),
  max_symbols_per_step: v.optional(symbolLimit, 10),
  num_prompts: v.optional(dimension, 128),
  prompt_intermediate_size: v.optional(dimension, 2048),
  default_prompt_id: v.optional(count, 101),
  quantization: v.exactOptional(quantizationSchema),
});

/** Ids of the published models, which the library does not write. */
const DEFAULT_VOCABULARY = { nemotron_asr_streaming: 1025, nemotron3_5_asr: 13_088 };

export function isTransformersConfig({ model_type: type }: Readonly<Record<string, unknown>>): boolean {
  return type === 'nemotron_asr_streaming' || type === 'nemotron3_5_asr';
}

/** @throws SottoError MODEL_UNSUPPORTED naming the field */
export function parseTransformers(json: Readonly<Record<string, unknown>>): NemotronConfig {
  const file = parseFields(schema, json);
  const { encoder_config: e, quantization } = file;
  const size = file.vocab_size ?? DEFAULT_VOCABULARY[file.model_type];
  const tokens = tokensBeforeBlank(size, file.blank_token_id ?? size - 1, 'blank_token_id');
  const prompt = {
    slots: file.num_prompts,
    hiddenDims: file.prompt_intermediate_size,
    autoSlot: file.default_prompt_id,
  };
  return {
    encoder: { ...encoderOfTransformers(e), leftFrames: e.sliding_window - 1 },
    lookahead: e.default_num_lookahead_tokens,
    tokens,
    transducer: {
      encoderDims: e.hidden_size,
      tokens,
      predictionDims: file.decoder_hidden_size,
      predictionLayers: file.num_decoder_layers,
      jointDims: file.decoder_hidden_size,
      activation: file.hidden_act,
      durations: [],
      maxSymbols: file.max_symbols_per_step,
    },
    ...(file.model_type === 'nemotron3_5_asr' && { prompt }),
    ...defined({ quantization: quantization && storedQuantization(quantization) }),
  };
}
