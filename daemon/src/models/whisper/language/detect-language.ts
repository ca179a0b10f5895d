/** Detects the language: the model's prediction after `<|startoftranscript|>`. */
import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import type { WhisperConfig } from '../whisper-config.js';
import { tokenRow } from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { Whisper } from '../model.js';
import type { WhisperTokenizer } from '../tokenizer.js';

export interface DetectedLanguage {
  readonly language: string;
  readonly probability: number;
  /** All languages, the most probable first. */
  readonly probabilities: ReadonlyMap<string, number>;
  /** The model's probability of no speech. */
  readonly noSpeechProb: number;
}

/**
 * Whether the language may change within the audio. A given language is fixed.
 *
 * @throws SottoError INVALID_ARGUMENT for an English-only model
 */
export function canChangeLanguage(
  { language, multilingual = false }: Pick<TranscribeOptions, 'language' | 'multilingual'>,
  { isMultilingual }: Pick<WhisperConfig, 'isMultilingual'>,
): boolean {
  if (!multilingual || language !== undefined) return false;
  if (isMultilingual) return true;
  throw new SottoError('INVALID_ARGUMENT', 'this model supports only English', {
    hint: 'use a multilingual model, such as base, small or large-v3',
  });
}

export async function detectLanguage(
  model: Whisper,
  tokenizer: WhisperTokenizer,
  { crossKeysValues }: EncodedWindow,
  caches: readonly nn.SelfAttentionCache[],
): Promise<DetectedLanguage> {
  if (!tokenizer.isMultilingual)
    return { language: 'en', probability: 1, probabilities: new Map([['en', 1]]), noSpeechProb: 0 };
  for (const cache of caches) cache.reset();
  const { startOfTranscript, noSpeech } = tokenizer.special;
  const count = tokenizer.languages.length;
  const [probabilities, silence] = mx.tidy((): [MxArray, MxArray] => {
    const hidden = model.decoder.forward(tokenRow([startOfTranscript]), caches, crossKeysValues);
    const logits = mx.reshape(model.decoder.logits(hidden), [model.config.nVocab]);
    // The language tokens directly follow it; the softmax covers only them.
    return [
      mx.softmax(mx.slice(logits, [startOfTranscript + 1], [startOfTranscript + 1 + count]), -1),
      mx.slice(mx.softmax(logits, -1), [noSpeech], [noSpeech + 1]),
    ];
  });
  await mx.ready(probabilities, silence);
  const values = Array.from(probabilities.toTypedArray(), Number);
  const noSpeechProb = Number(silence.item());
  mx.dispose([probabilities, silence]);
  const ranked = tokenizer.languages
    .map((language, i): [string, number] => [language, values[i] ?? 0])
    .sort(([, a], [, b]) => b - a);
  const [language = 'en', probability = 0] = ranked[0] ?? [];
  return { language, probability, probabilities: new Map(ranked), noSpeechProb };
}
