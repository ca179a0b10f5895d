import type { ParakeetConfig } from './parakeet-config.js';

/** Of parakeet-tdt-0.6b-v3 (its model card). */
const EUROPEAN = 'bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk'.split(' ');

/** Vocabularies of published models, which name no language in their files. */
const EUROPEAN_TOKENS = 8192;
const JAPANESE_TOKENS = 3072;

/** The languages of a model, by the size of its vocabulary; English unless it is one of the others that are published. */
export function languagesOf({ tokens }: Pick<ParakeetConfig, 'tokens'>): string[] {
  if (tokens === EUROPEAN_TOKENS) return EUROPEAN;
  return tokens === JAPANESE_TOKENS ? ['ja'] : ['en'];
}
