/** Which language is spoken: the model's first guess after `<|startoftranscript|>`. */
import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import type { WhisperConfig } from '../config.js';
import { tokenRow } from '../decode/decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import type { Whisper } from '../model.js';
import type { WhisperTokenizer } from '../tokenizer.js';

export interface DetectedLanguage {
  readonly language: string;
  readonly probability: number;
  /** All languages, the likeliest first. */
  readonly probabilities: ReadonlyMap<string, number>;
  /** Probability that nobody speaks at all, as the model sees it. */
  readonly noSpeechProb: number;
}

/**
 * Whether the language may change on the way. Where it is given, it does not.
 *
 * @throws SottoError INVALID_ARGUMENT where that is asked of a model that knows English only
 */
export function canChangeLanguage(
  { language, multilingual = false }: Pick<TranscribeOptions, 'language' | 'multilingual'>,
  { isMultilingual }: Pick<WhisperConfig, 'isMultilingual'>,
): boolean {
  if (!multilingual || language !== undefined) return false;
  if (isMultilingual) return true;
  throw new SottoError('INVALID_ARGUMENT', 'this model knows English only', {
    hint: 'speech in several languages takes a multilingual model, such as base, small or large-v3',
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
    // The language tokens stand in one row after it; all other tokens are left out of the softmax.
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
