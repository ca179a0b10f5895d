import type { CatalogueEntry } from './catalogue-entry.js';
import { MOONSHINE } from './moonshine.js';
import { WHISPER } from './whisper.js';

/** All models of the catalogue. */
export const CATALOGUE: readonly CatalogueEntry[] = [...WHISPER, ...MOONSHINE];
