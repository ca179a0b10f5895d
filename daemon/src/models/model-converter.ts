/** Inspects the files of a model and converts them. */
import type { ConvertOptions, ModelMetadata } from '#daemon/protocol/model-process.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { readConfigFile } from './config-file.js';
import type { LoadOptions } from './speech-model.js';
import { isWhisperConfig } from './whisper/whisper-config.js';
import { whisperConverter } from './whisper/checkpoint/convert.js';

/** Implemented by each family. All methods throw SottoError MODEL_CORRUPT, MODEL_UNSUPPORTED, CANCELLED. */
interface ModelConverter {
  readonly recognizes: (config: Readonly<Record<string, unknown>>) => boolean;
  /** Reads the whole model and describes it. */
  readonly inspect: (
    dir: string,
    options: LoadOptions,
  ) => Promise<Omit<ModelMetadata, 'files' | 'footprint'>>;
  /** Writes the model of `dir` into the empty directory `out`, in the mlx-community layout. */
  readonly convert: (dir: string, out: string, wanted: ConvertOptions, options: LoadOptions) => Promise<void>;
}

const CONVERTERS: readonly ModelConverter[] = [{ recognizes: isWhisperConfig, ...whisperConverter }];

/** @throws SottoError as `loadModel` */
export async function converterFor(dir: string): Promise<ModelConverter> {
  const config = await readConfigFile(dir);
  const converter = CONVERTERS.find(({ recognizes }) => recognizes(config));
  if (converter === undefined) throw new SottoError('MODEL_UNSUPPORTED', `${dir} has an unknown model type`);
  return converter;
}
