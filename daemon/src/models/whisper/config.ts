/** The dimensions of a Whisper checkpoint and the facts that follow from them. */
import * as v from 'valibot';

import { SottoError } from '#daemon/protocol/errors.js';
import { whole } from '#daemon/protocol/fields.js';

import { LANGUAGE_CODES } from './languages.js';

const dimension = v.pipe(whole, v.minValue(1));

/** `config.json` as the mlx-community checkpoints write it; unknown fields are ignored. */
const configFile = v.object({
  model_type: v.exactOptional(v.literal('whisper')),
  n_mels: v.picklist([80, 128]),
  n_audio_ctx: dimension,
  n_audio_state: dimension,
  n_audio_head: dimension,
  n_audio_layer: dimension,
  n_vocab: dimension,
  n_text_ctx: dimension,
  n_text_state: dimension,
  n_text_head: dimension,
  n_text_layer: dimension,
  quantization: v.exactOptional(
    v.object({
      group_size: v.picklist([32, 64, 128]),
      bits: v.pipe(whole, v.minValue(2), v.maxValue(8)),
    }),
  ),
});

/** How weights are packed: `bits` per weight, one scale and bias for each `groupSize` of them. */
export interface Quantization {
  readonly groupSize: number;
  readonly bits: number;
}

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
  readonly quantization?: Quantization;
  /** English-only checkpoints have a smaller vocabulary and neither language nor task tokens in their prompt. */
  readonly isMultilingual: boolean;
  readonly numLanguages: number;
}

// Everything in a vocabulary but the languages, of an English-only model: 50256 ranks, 8 specials, 1501 timestamps.
const TOKENS_BESIDE_LANGUAGES = 51765;
const SMALLEST_MULTILINGUAL_VOCAB = 51865;

/**
 * Reads a parsed `config.json`.
 *
 * @throws SottoError MODEL_UNSUPPORTED naming the first field that does not fit.
 */
export function parseConfig(json: unknown): WhisperConfig {
  const parsed = v.safeParse(configFile, json);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw unsupported(`config.json: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const c = parsed.output;
  const isMultilingual = c.n_vocab >= SMALLEST_MULTILINGUAL_VOCAB;
  const numLanguages = c.n_vocab - TOKENS_BESIDE_LANGUAGES - (isMultilingual ? 1 : 0);
  if (numLanguages < 1 || numLanguages > LANGUAGE_CODES.length) {
    throw unsupported(`config.json: n_vocab: ${c.n_vocab} is not the size of a Whisper vocabulary`);
  }
  for (const [state, heads] of [
    ['n_audio_state', 'n_audio_head'],
    ['n_text_state', 'n_text_head'],
  ] as const) {
    if (c[state] % c[heads] !== 0 || c[state] % 2 !== 0) {
      throw unsupported(`config.json: ${state}: ${c[state]} cannot be split over ${c[heads]} heads`);
    }
  }
  if (c.n_audio_state !== c.n_text_state) {
    throw unsupported(
      'config.json: n_text_state: the decoder attends to the encoder, so both need the same width',
    );
  }
  return {
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
    ...(c.quantization && {
      quantization: { groupSize: c.quantization.group_size, bits: c.quantization.bits },
    }),
    isMultilingual,
    numLanguages,
  };
}

function unsupported(message: string): SottoError {
  return new SottoError('MODEL_UNSUPPORTED', message);
}
