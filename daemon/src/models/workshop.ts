/** What can be done with a model's files beside running it. */
import type { ConvertOptions, ModelFacts } from '#daemon/protocol/model-work.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { readConfigFile } from './config-file.js';
import type { LoadOptions } from './speech-model.js';
import { isWhisperConfig } from './whisper/config.js';
import { whisperWorkshop } from './whisper/workshop.js';

/** What a family offers. All throw SottoError MODEL_CORRUPT, MODEL_UNSUPPORTED, CANCELLED. */
export interface Workshop {
  readonly recognises: (config: Readonly<Record<string, unknown>>) => boolean;
  /** Reads all of a model and says what it is. */
  readonly inspect: (dir: string, options: LoadOptions) => Promise<Omit<ModelFacts, 'files' | 'footprint'>>;
  /** Writes the model of `dir` into the empty folder `out`, in the mlx-community layout. */
  readonly convert: (dir: string, out: string, wanted: ConvertOptions, options: LoadOptions) => Promise<void>;
}

const WORKSHOPS: readonly Workshop[] = [{ recognises: isWhisperConfig, ...whisperWorkshop }];

/** The workshop for the model in a folder. @throws SottoError as `loadModel` */
export async function workshopFor(dir: string): Promise<Workshop> {
  const config = await readConfigFile(dir);
  const workshop = WORKSHOPS.find(({ recognises }) => recognises(config));
  if (workshop === undefined) throw new SottoError('MODEL_UNSUPPORTED', `${dir} is of no known type`);
  return workshop;
}
