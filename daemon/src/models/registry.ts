/** Finds the family of a model directory and loads it. */
import { SottoError } from '#daemon/protocol/errors.js';

import { readConfigFile } from './config-file.js';
import {
  asRecognizer,
  type Footprint,
  type LoadOptions,
  type ModelFamily,
  type Recognizer,
  type SpeechModel,
} from './speech-model.js';
import { dacFamily } from './codecs/dac/dac-family.js';
import { encodecFamily } from './codecs/encodec/encodec-family.js';
import { lyraFamily } from './codecs/lyra/lyra-family.js';
import { mimiFamily } from './codecs/mimi/mimi-family.js';
import { s3Family } from './codecs/s3/s3-family.js';
import { snacFamily } from './codecs/snac/snac-family.js';
import { moonshineFamily } from './moonshine/moonshine-family.js';
import { nemotronFamily } from './nemotron/nemotron-family.js';
import { parakeetFamily } from './parakeet/parakeet-family.js';
import { wav2Vec2Family } from './wav2vec2/wav2vec2-family.js';
import { whisperFamily } from './whisper/whisper-family.js';

export type { Footprint } from './speech-model.js';

/** Add a family here. The first one that recognizes a config counts. */
const FAMILIES: ModelFamily[] = [
  whisperFamily,
  moonshineFamily,
  nemotronFamily,
  parakeetFamily,
  wav2Vec2Family,
  encodecFamily,
  dacFamily,
  mimiFamily,
  lyraFamily,
  snacFamily,
  s3Family,
];

/**
 * Adds a family in this process, before its models are loaded.
 *
 * @throws RangeError if there is one of this name
 */
export function registerFamily(family: ModelFamily): void {
  if (FAMILIES.some(({ name }) => name === family.name))
    throw new RangeError(`there is a family ${family.name} already`);
  FAMILIES.push(family);
}

/**
 * Loads the model in a directory, whatever its family.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED naming the directory or file, CANCELLED.
 */
export async function loadModel(dir: string, options: LoadOptions = {}): Promise<SpeechModel> {
  return (await familyOf(dir)).load(dir, options);
}

/**
 * Loads a model that transcribes.
 *
 * @throws SottoError as `loadModel`; MODEL_UNSUPPORTED if the model has another task
 * @example
 * const model = await loadRecognizer('assets/models/whisper-base-6bit');
 * const audio = await openAudio('talk.m4a'); // of `sotto/audio`
 * const { signal } = new AbortController();
 * for await (const event of model.transcribe(audio, { language: 'en' }, signal)) {
 *   if (event.type === 'segment') console.log(event.segment.text);
 * }
 * await audio.close();
 * model.dispose();
 */
export async function loadRecognizer(dir: string, options: LoadOptions = {}): Promise<Recognizer> {
  const model = await loadModel(dir, options);
  try {
    return asRecognizer(model);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/**
 * Memory that a model needs on this device, from the headers of its files alone.
 *
 * @throws SottoError MODEL_NOT_FOUND, MODEL_CORRUPT or MODEL_UNSUPPORTED
 * @example
 * const { weightBytes, workBytes } = await footprintOf('assets/models/whisper-base-6bit');
 */
export async function footprintOf(dir: string): Promise<Footprint> {
  return (await familyOf(dir)).footprint(dir);
}

/** @throws SottoError as `loadModel` */
export async function familyOf(dir: string): Promise<ModelFamily> {
  const config = await readConfigFile(dir);
  const family = FAMILIES.find((row) => row.recognizes(config));
  if (family === undefined) {
    const kind =
      typeof config.model_type === 'string'
        ? `a model of type "${config.model_type}"`
        : 'a model of unknown type';
    throw new SottoError('MODEL_UNSUPPORTED', `${dir} is ${kind}`);
  }
  return family;
}
