/** What can be done with a model's files beside running it. */
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { readConfigFile } from './config-file.js';
import type { LoadOptions } from './speech-model.js';
import { isWhisperConfig } from './whisper/config.js';
import { whisperConverter } from './whisper/checkpoint/convert.js';

/** What a family offers. All throw SottoError MODEL_CORRUPT, MODEL_UNSUPPORTED, CANCELLED. */
interface ModelConverter {
  readonly recognizes: (config: Readonly<Record<string, unknown>>) => boolean;
  /** Reads all of a model and says what it is. */
  readonly inspect: (
    dir: string,
    options: LoadOptions,
  ) => Promise<Omit<ModelMetadata, 'files' | 'footprint'>>;
  /** Writes the model of `dir` into the empty folder `out`, in the mlx-community layout. */
  readonly convert: (dir: string, out: string, wanted: ConvertOptions, options: LoadOptions) => Promise<void>;
}

const CONVERTERS: readonly ModelConverter[] = [{ recognizes: isWhisperConfig, ...whisperConverter }];

/** The workshop for the model in a folder. @throws SottoError as `loadModel` */
export async function converterFor(dir: string): Promise<ModelConverter> {
  const config = await readConfigFile(dir);
  const converter = CONVERTERS.find(({ recognizes }) => recognizes(config));
  if (converter === undefined) throw new SottoError('MODEL_UNSUPPORTED', `${dir} is of no known type`);
  return converter;
}
