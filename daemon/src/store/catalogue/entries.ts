import type { CatalogueEntry } from './catalogue-entry.js';
import { MOONSHINE } from './moonshine.js';
import { NEMOTRON } from './nemotron-models.js';
import { PARAKEET } from './parakeet-models.js';
import { WAV2VEC2 } from './wav2vec2-models.js';
import { WHISPER } from './whisper.js';

/** All models of the catalogue. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  ...WHISPER,
  ...MOONSHINE,
  ...PARAKEET,
  ...NEMOTRON,
  ...WAV2VEC2,
];
