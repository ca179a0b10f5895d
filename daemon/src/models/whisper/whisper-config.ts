/** The dimensions of a Whisper checkpoint and the values derived from them. */
import * as v from 'valibot';

import { defined } from '#daemon/protocol/defined.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { integer } from '#daemon/protocol/fields.js';

import { parseFields, unsupportedConfig } from '../checkpoint/config-fields.js';
import {
  quantizationEntry,
  quantizationSchema,
  storedQuantization,
  type StoredQuantization,
} from '../checkpoint/quantization.js';
import { LANGUAGE_CODES } from './language/whisper-languages.js';

const dimension = v.pipe(integer, v.minValue(1));
const mels = v.picklist([80, 128]);

/** `config.json` of mlx-community checkpoints; unknown fields are ignored. */
const mlxFile = v.object({
  model_type: v.exactOptional(v.literal('whisper')),
  n_mels: mels,
  n_audio_ctx: dimension,
  n_audio_state: dimension,
  n_audio_head: dimension,
  n_audio_layer: dimension,
  n_vocab: dimension,
  n_text_ctx: dimension,
  n_text_state: dimension,
  n_text_head: dimension,
  n_text_layer: dimension,
  quantization: v.exactOptional(quantizationSchema),
});

/** `config.json` of transformers for Whisper. Rejects options that the network does not support. */
const huggingFaceFile = v.object({
  model_type: v.literal('whisper'),
  num_mel_bins: mels,
  max_source_positions: dimension,
  d_model: dimension,
  encoder_attention_heads: dimension,
  encoder_layers: dimension,
  encoder_ffn_dim: dimension,
  vocab_size: dimension,
  max_target_positions: dimension,
  decoder_attention_heads: dimension,
  decoder_layers: dimension,
  decoder_ffn_dim: dimension,
  activation_function: v.optional(v.literal('gelu')),
  scale_embedding: v.optional(v.literal(false)),
  tie_word_embeddings: v.optional(v.literal(true)),
  quantization: v.exactOptional(quantizationSchema),
  // Used by GPTQ, bitsandbytes and others; MLX's tools repeat `quantization` here.
  quantization_config: v.optional(quantizationSchema),
});

export interface WhisperConfig {
  /** Mel bands of the input: 80, or 128 since large-v3. */
  readonly nMels: number;
  /** Encoder positions of a 30 s window. */
  readonly nAudioCtx: number;
  readonly nAudioState: number;
  readonly nAudioHead: number;
  readonly nAudioLayer: number;
  readonly nVocab: number;
  /** Decoder positions: prompt and sampled tokens together. */
  readonly nTextCtx: number;
  readonly nTextState: number;
  readonly nTextHead: number;
  readonly nTextLayer: number;
  readonly quantization?: StoredQuantization;
  /** Decoder heads that follow the audio, as [layer, head], if the checkpoint has them. */
  readonly alignmentHeads?: readonly (readonly [layer: number, head: number])[];
  /** English-only checkpoints have a smaller vocabulary and no language and task tokens in their prompt. */
  readonly isMultilingual: boolean;
  readonly numLanguages: number;
}

type Dimensions = Omit<WhisperConfig, 'isMultilingual' | 'numLanguages' | 'alignmentHeads'>;

// Of an English-only model: 50256 ranks, 8 special tokens, 1501 timestamps.
const NON_LANGUAGE_TOKENS = 51765;
const MIN_MULTILINGUAL_VOCAB = 51865;

/** Whether a parsed `config.json` is for Whisper, in either layout. */
export function isWhisperConfig(json: Readonly<Record<string, unknown>>): boolean {
  // Early mlx-community checkpoints have no model_type, but only Whisper has these two.
  return json.model_type === 'whisper' || ('n_mels' in json && 'n_text_ctx' in json);
}

/**
 * Validates a parsed `config.json` of mlx-community or Hugging Face.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first unsupported field.
 */
export function parseConfig(json: unknown): WhisperConfig {
  const isHuggingFace = typeof json === 'object' && json !== null && 'd_model' in json;
  return isHuggingFace ? parseHuggingFace(json) : parseMlx(json);
}

function parseMlx(json: unknown): WhisperConfig {
  const c = parseFields(mlxFile, json);
  const dimensions = {
    nMels: c.n_mels,
    nAudioCtx: c.n_audio_ctx,
    nAudioState: c.n_audio_state,
    nAudioHead: c.n_audio_head,
    nAudioLayer: c.n_audio_layer,
    nVocab: c.n_vocab,
    nTextCtx: c.n_text_ctx,
    nTextState: c.n_text_state,
    nTextHead: c.n_text_head,
    nTextLayer: c.n_text_layer,
    ...defined({ quantization: c.quantization && storedQuantization(c.quantization) }),
  };
  const config = complete(dimensions, {
    vocab: 'n_vocab',
    audio: 'n_audio_state',
    text: 'n_text_state',
  });
  if (c.n_audio_state !== c.n_text_state) {
    throw unsupportedConfig('n_text_state: encoder and decoder must have the same width');
  }
  return config;
}

function parseHuggingFace(json: unknown): WhisperConfig {
  const c = parseFields(huggingFaceFile, json);
  for (const field of ['encoder_ffn_dim', 'decoder_ffn_dim'] as const) {
    if (c[field] !== 4 * c.d_model) {
      throw unsupportedConfig(`${field}: ${c[field]} must be four times d_model (${c.d_model})`);
    }
  }
  const quantized = c.quantization ?? c.quantization_config;
  const dimensions = {
    nMels: c.num_mel_bins,
    nAudioCtx: c.max_source_positions,
    nAudioState: c.d_model,
    nAudioHead: c.encoder_attention_heads,
    nAudioLayer: c.encoder_layers,
    nVocab: c.vocab_size,
    nTextCtx: c.max_target_positions,
    nTextState: c.d_model,
    nTextHead: c.decoder_attention_heads,
    nTextLayer: c.decoder_layers,
    ...defined({ quantization: quantized && storedQuantization(quantized) }),
  };
  return complete(dimensions, { vocab: 'vocab_size', audio: 'd_model', text: 'd_model' });
}

/** @param fields names in the file, for messages */
function complete(
  dimensions: Dimensions,
  fields: Readonly<Record<'vocab' | 'audio' | 'text', string>>,
): WhisperConfig {
  const { nVocab, nAudioState, nAudioHead, nTextState, nTextHead } = dimensions;
  const isMultilingual = nVocab >= MIN_MULTILINGUAL_VOCAB;
  const numLanguages = nVocab - NON_LANGUAGE_TOKENS - (isMultilingual ? 1 : 0);
  if (numLanguages < 1 || numLanguages > LANGUAGE_CODES.length) {
    throw new SottoError(
      'TOKENIZER_FAILED',
      `config.json: ${fields.vocab}: ${nVocab} is not a Whisper vocabulary size`,
    );
  }
  for (const [field, state, heads] of [
    [fields.audio, nAudioState, nAudioHead],
    [fields.text, nTextState, nTextHead],
  ] as const) {
    if (state % heads !== 0 || state % 2 !== 0) {
      throw unsupportedConfig(`${field}: ${state} is not divisible by ${heads} heads`);
    }
  }
  return { ...dimensions, isMultilingual, numLanguages };
}

/** `config.json` in the mlx-community layout. */
export function mlxConfig(config: WhisperConfig): Record<string, unknown> {
  const { quantization: quantized } = config;
  return {
    model_type: 'whisper',
    n_mels: config.nMels,
    n_audio_ctx: config.nAudioCtx,
    n_audio_state: config.nAudioState,
    n_audio_head: config.nAudioHead,
    n_audio_layer: config.nAudioLayer,
    n_vocab: config.nVocab,
    n_text_ctx: config.nTextCtx,
    n_text_state: config.nTextState,
    n_text_head: config.nTextHead,
    n_text_layer: config.nTextLayer,
    ...defined({ quantization: quantized && quantizationEntry(quantized) }),
  };
}
