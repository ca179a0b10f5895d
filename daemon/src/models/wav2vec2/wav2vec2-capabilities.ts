import type { Capabilities } from '#daemon/protocol/capabilities.js';

import { languageNames } from './language-adapters.js';
import type { LetterVocabulary } from './letter-vocabulary.js';
import type { TokenizerFiles } from './tokenizer-files.js';
import type { Wav2Vec2Config } from './wav2vec2-config.js';

/** The models were trained on up to 35 s at a time, and attention takes memory by the square of the length. */
export const MAX_PIECE_SECONDS = 40;

export function wav2Vec2Capabilities(
  dir: string,
  files: TokenizerFiles,
  vocabulary: LetterVocabulary,
  config: Wav2Vec2Config,
): Capabilities {
  return {
    transcribe: {
      languages: languagesOf(dir, files, vocabulary),
      translates: false,
      streams: true,
      wordTimestamps: true,
      hotwords: true,
      beamSize: true,
      prompt: false,
      // A shortened output has no place for each letter.
      aligns: !config.add_adapter,
    },
  };
}

/** Nothing in a checkpoint of one language tells which one it is, but English alone has just its 26 letters. */
export function languagesOf(dir: string, files: TokenizerFiles, vocabulary: LetterVocabulary): string[] {
  if (files.language !== undefined) return [...languageNames(dir, files).keys()];
  return vocabulary.isEnglish ? ['en'] : [];
}
