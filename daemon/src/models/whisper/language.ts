/** Which language is spoken: the model's first guess after `<|startoftranscript|>`. */
import { mx } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { tokenRow } from './decode.js';
import type { EncodedWindow } from './encode.js';
import type { Whisper } from './model.js';
import type { WhisperTokenizer } from './tokenizer.js';

export interface DetectedLanguage {
  readonly language: string;
  readonly probability: number;
  /** All languages, the likeliest first. */
  readonly probabilities: ReadonlyMap<string, number>;
}

export async function detectLanguage(
  model: Whisper,
  tokenizer: WhisperTokenizer,
  { crossKeysValues }: EncodedWindow,
  caches: readonly nn.SelfAttentionCache[],
): Promise<DetectedLanguage> {
  if (!tokenizer.isMultilingual)
    return { language: 'en', probability: 1, probabilities: new Map([['en', 1]]) };
  for (const cache of caches) cache.reset();
  const { startOfTranscript } = tokenizer.special;
  const count = tokenizer.languages.length;
  const probabilities = mx.tidy(() => {
    const hidden = model.decoder.forward(tokenRow([startOfTranscript]), caches, crossKeysValues);
    const logits = mx.reshape(model.decoder.logits(hidden), [model.config.nVocab]);
    // The language tokens stand in one row after it; all other tokens are left out of the softmax.
    return mx.softmax(mx.slice(logits, [startOfTranscript + 1], [startOfTranscript + 1 + count]), -1);
  });
  await mx.ready(probabilities);
  const values = Array.from(probabilities.toTypedArray(), Number);
  mx.dispose(probabilities);
  const ranked = tokenizer.languages
    .map((language, i): [string, number] => [language, values[i] ?? 0])
    .sort(([, a], [, b]) => b - a);
  const [language = 'en', probability = 0] = ranked[0] ?? [];
  return { language, probability, probabilities: new Map(ranked) };
}
