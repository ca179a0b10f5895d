/** Entries of models that the Hub has as float32 files, which are float16 on the GPU. */
import { defined } from '../../protocol/defined.js';
import type { CatalogueEntry } from './catalogue-entry.js';
import { KEPT_FOR_REUSE, PROCESS_BYTES } from './whisper.js';

const FLOAT32_BYTES = 4;
const FLOAT16_BYTES = 2;

export interface Float32Model extends Pick<
  CatalogueEntry,
  | 'name'
  | 'title'
  | 'family'
  | 'repo'
  | 'revision'
  | 'parameters'
  | 'liveGigaflop'
  | 'languages'
  | 'license'
  | 'isNonCommercial'
  | 'speed'
> {
  /** As listed by the Hub for `revision`; estimated if left out. */
  readonly bytes?: number;
  /** Working memory of the longest piece in float16 on a GPU, besides the weights: the family's `*-footprint.ts`. */
  readonly workBytes: number;
  /** Numbers read for each token. */
  readonly tokenNumbers: number;
}

export function float32Entry({ bytes, workBytes, tokenNumbers, ...model }: Float32Model): CatalogueEntry {
  return {
    ...model,
    ...defined({ revision: model.revision, isNonCommercial: model.isNonCommercial }),
    aliases: [],
    tasks: ['transcribe'],
    precision: 'float16',
    bytes: bytes ?? model.parameters * FLOAT32_BYTES,
    bytesSource: bytes === undefined ? 'estimated' : 'published',
    memoryBytes: model.parameters * FLOAT16_BYTES + (1 + KEPT_FOR_REUSE) * workBytes + PROCESS_BYTES,
    tokenBytes: tokenNumbers * FLOAT16_BYTES,
  };
}
