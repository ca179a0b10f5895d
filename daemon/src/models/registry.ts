/** Finds the family of a model directory and loads it. */
import { SottoError } from '#daemon/protocol/errors.js';

import { readConfigFile } from './config-file.js';
import type { Footprint, LoadOptions, SpeechModel } from './speech-model.js';
import { isWhisperConfig } from './whisper/whisper-config.js';
import { whisperFootprint } from './whisper/memory/whisper-footprint.js';
import { WhisperModel } from './whisper/index.js';

export type { Footprint } from './speech-model.js';

interface Family {
  readonly name: string;
  /** Whether a parsed `config.json` belongs to this family. */
  readonly recognizes: (config: Readonly<Record<string, unknown>>) => boolean;
  readonly load: (dir: string, options: LoadOptions) => Promise<SpeechModel>;
  readonly footprint: (dir: string) => Promise<Footprint>;
}

const FAMILIES: readonly Family[] = [
  {
    name: 'whisper',
    recognizes: isWhisperConfig,
    load: (dir, options) => WhisperModel.load(dir, options),
    footprint: whisperFootprint,
  },
];

/**
 * Loads the model in a directory, whatever its family.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED naming the directory or file, CANCELLED.
 */
export async function loadModel(dir: string, options: LoadOptions = {}): Promise<SpeechModel> {
  return (await familyOf(dir)).load(dir, options);
}

/**
 * Memory that a model needs on this device, from the headers of its files alone.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED
 */
export async function footprintOf(dir: string): Promise<Footprint> {
  return (await familyOf(dir)).footprint(dir);
}

async function familyOf(dir: string): Promise<Family> {
  const config = await readConfigFile(dir);
  const family = FAMILIES.find(({ recognizes }) => recognizes(config));
  if (family === undefined) {
    const kind =
      typeof config.model_type === 'string'
        ? `a model of type "${config.model_type}"`
        : 'a model of unknown type';
    throw new SottoError('MODEL_UNSUPPORTED', `${dir} is ${kind}`);
  }
  return family;
}
