/** `config.json` of transformers for Moonshine. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { finite, integer } from '#daemon/protocol/fields.js';

import type { RotaryPositions } from '#native/nn/index.js';

import { parseFields, unsupportedConfig } from '../checkpoint/config-fields.js';
import {
  quantizationEntry,
  quantizationSchema,
  storedQuantization,
  type StoredQuantization,
} from '../checkpoint/quantization.js';
import type { GenerationConfig } from './generation-config.js';

/** Published models have at most 8 layers of width 416. Sizes are limited before memory is taken for them. */
const MAX_WIDTH = 8_192;
const MAX_LAYERS = 256;
const MAX_VOCABULARY = 1_000_000;

const width = v.pipe(integer, v.minValue(1), v.maxValue(MAX_WIDTH));
const layers = v.pipe(integer, v.minValue(1), v.maxValue(MAX_LAYERS));
const token = v.pipe(integer, v.minValue(0));
const positive = v.pipe(finite, v.gtValue(0));
/** Larger ones leave float32. */
const theta = v.pipe(positive, v.maxValue(1e12));
const factor = v.pipe(positive, v.maxValue(1));

const ropeParameters = v.object({
  rope_type: v.optional(v.literal('default')),
  rope_theta: v.optional(theta),
  partial_rotary_factor: v.optional(factor),
});

/** Unknown fields are ignored; options that the network does not support are refused. */
const file = v.object({
  model_type: v.literal('moonshine'),
  vocab_size: v.pipe(integer, v.minValue(1), v.maxValue(MAX_VOCABULARY)),
  hidden_size: width,
  intermediate_size: v.pipe(integer, v.minValue(1), v.maxValue(4 * MAX_WIDTH)),
  encoder_num_hidden_layers: layers,
  decoder_num_hidden_layers: layers,
  encoder_num_attention_heads: width,
  decoder_num_attention_heads: width,
  encoder_num_key_value_heads: v.nullish(width),
  decoder_num_key_value_heads: v.nullish(width),
  encoder_hidden_act: v.optional(v.literal('gelu'), 'gelu'),
  decoder_hidden_act: v.optional(v.literal('silu'), 'silu'),
  max_position_embeddings: v.optional(v.pipe(integer, v.minValue(2), v.maxValue(65_536)), 512),
  attention_bias: v.optional(v.boolean(), false),
  // transformers 5 keeps these two in `rope_parameters`.
  rope_theta: v.nullish(theta),
  partial_rotary_factor: v.nullish(factor),
  rope_parameters: v.nullish(ropeParameters),
  rope_scaling: v.nullish(v.null()),
  decoder_start_token_id: v.nullish(token),
  eos_token_id: v.nullish(v.union([token, v.pipe(v.array(token), v.minLength(1))])),
  tie_word_embeddings: v.optional(v.literal(true), true),
  quantization: v.exactOptional(quantizationSchema),
});

export interface MoonshineConfig {
  readonly vocabulary: number;
  /** Width of encoder and decoder. */
  readonly width: number;
  /** Of the MLP. */
  readonly hiddenWidth: number;
  readonly encoderLayers: number;
  readonly decoderLayers: number;
  readonly heads: number;
  /** Whether queries, keys and values have biases. */
  readonly attentionBias: boolean;
  readonly rotary: RotaryPositions;
  /** Decoder positions that the model was trained for. */
  readonly maxPositions: number;
  readonly startToken: number;
  readonly endTokens: readonly number[];
  /** Never written; the others not as the first token. */
  readonly suppressedTokens: readonly number[];
  readonly suppressedFirstTokens: readonly number[];
  /** Of a piece, the end of the text among them; Infinity without a limit. */
  readonly maxTokens: number;
  readonly quantization?: StoredQuantization;
}

const DEFAULT_START = 1;
const DEFAULT_END = 2;
const DEFAULT_THETA = 10_000;
/** Of transformers, for configs without the field. */
const DEFAULT_ROTARY_FACTOR = 0.9;

export function isMoonshineConfig(json: Readonly<Record<string, unknown>>): boolean {
  return json.model_type === 'moonshine';
}

/** @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field */
export function parseConfig(json: unknown, generation: GenerationConfig = {}): MoonshineConfig {
  const c = parseFields(file, json);
  const { hidden_size: size, decoder_num_attention_heads: heads } = c;
  if (c.encoder_num_attention_heads !== heads) {
    throw unsupportedConfig(
      `encoder_num_attention_heads: ${c.encoder_num_attention_heads} must equal decoder_num_attention_heads (${heads})`,
    );
  }
  for (const field of ['encoder_num_key_value_heads', 'decoder_num_key_value_heads'] as const) {
    if ((c[field] ?? heads) !== heads) throw unsupportedConfig(`${field}: ${c[field]} must be ${heads}`);
  }
  if (size % heads !== 0) throw unsupportedConfig(`hidden_size: ${size} is not divisible by ${heads} heads`);
  const ends = listOf(generation.eos_token_id ?? c.eos_token_id ?? DEFAULT_END);
  const start = generation.decoder_start_token_id ?? c.decoder_start_token_id ?? DEFAULT_START;
  const { suppress_tokens: suppressed, begin_suppress_tokens: suppressedFirst } = generation;
  for (const [field, id] of [
    ...[start, c.decoder_start_token_id ?? start].map((id) => ['decoder_start_token_id', id] as const),
    ...[...ends, ...listOf(c.eos_token_id)].map((id) => ['eos_token_id', id] as const),
    ...(suppressed ?? []).map((id) => ['suppress_tokens', id] as const),
    ...(suppressedFirst ?? []).map((id) => ['begin_suppress_tokens', id] as const),
  ] as const) {
    if (id >= c.vocab_size)
      throw unsupportedConfig(`${field}: ${id} is not in a vocabulary of ${c.vocab_size}`);
  }
  return {
    vocabulary: c.vocab_size,
    width: size,
    hiddenWidth: c.intermediate_size,
    encoderLayers: c.encoder_num_hidden_layers,
    decoderLayers: c.decoder_num_hidden_layers,
    heads,
    attentionBias: c.attention_bias,
    rotary: rotaryOf(
      size / heads,
      c.rope_parameters?.rope_theta ?? c.rope_theta ?? DEFAULT_THETA,
      c.rope_parameters?.partial_rotary_factor ?? c.partial_rotary_factor ?? DEFAULT_ROTARY_FACTOR,
    ),
    maxPositions: c.max_position_embeddings,
    startToken: start,
    endTokens: ends,
    suppressedTokens: suppressed ?? [],
    suppressedFirstTokens: suppressedFirst ?? [],
    maxTokens: Math.min(
      generation.max_new_tokens ?? Infinity,
      generation.max_length ? Math.max(1, generation.max_length - 1) : Infinity,
    ),
    ...defined({ quantization: c.quantization && storedQuantization(c.quantization) }),
  };
}

const listOf = (ids: number | readonly number[] | null | undefined): readonly number[] =>
  typeof ids === 'number' ? [ids] : (ids ?? []);

/** transformers rounds an odd number of dimensions up, at the frequencies of the odd number. */
function rotaryOf(headWidth: number, theta: number, partialFactor: number): RotaryPositions {
  const wanted = Math.trunc(headWidth * partialFactor);
  const dims = 2 * Math.ceil(wanted / 2);
  if (dims < 2 || dims > headWidth) {
    throw unsupportedConfig(
      `partial_rotary_factor: ${dims} rotated features do not fit a head of ${headWidth}`,
    );
  }
  return { dims, base: theta ** (dims / wanted) };
}

/** The `config.json` of a converted model: as it was, with another dtype and quantization. */
export function convertedConfig(
  json: Readonly<Record<string, unknown>>,
  dtype: string,
  quantization: StoredQuantization | undefined,
): Record<string, unknown> {
  const { quantization: _quantization, dtype: _dtype, torch_dtype: _torchDtype, ...rest } = json;
  return {
    ...rest,
    torch_dtype: dtype,
    ...defined({ quantization: quantization && quantizationEntry(quantization) }),
  };
}
