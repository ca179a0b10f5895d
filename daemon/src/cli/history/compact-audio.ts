/** What compact recordings cost: their size, and the words that are lost. */
import { modelDirs, type Paths } from '../../paths.js';
import { BYTES_PER_SAMPLE, SAMPLE_RATE } from '../../protocol/live.js';
import { SottoError } from '../../protocol/errors.js';
import { roundTripText } from '../../store/catalogue/round-trips.js';
import { namedOrChosenModel } from '../../store/chosen-model.js';
import { describeModel } from '../../supervisor/model-tool-process.js';
import { bitRateOf } from '../codec/codec-info.js';

const SECONDS_PER_HOUR = 3600;
const WAV_BYTES_PER_HOUR = SECONDS_PER_HOUR * SAMPLE_RATE * BYTES_PER_SAMPLE;

/**
 * Lines for the user: size, and errors if the audio is transcribed again.
 *
 * @throws SottoError MODEL_NOT_FOUND if no codec is chosen, MODEL_UNSUPPORTED if it decodes nothing
 */
export async function compactAudioText(paths: Paths, signal: AbortSignal): Promise<string> {
  const model = namedOrChosenModel(modelDirs(paths), paths.settings, 'codec', undefined);
  const { family, capabilities } = await describeModel(model.dir, signal);
  const { codec } = capabilities;
  if (codec === undefined || codec.encodesOnly === true) {
    throw new SottoError('MODEL_UNSUPPORTED', `${model.name} can’t encode audio and decode it again`, {
      hint: 'choose another codec with `sotto models use NAME --task codec`',
    });
  }
  const bytes = (bitRateOf(codec) / 8) * SECONDS_PER_HOUR;
  return (
    `After a day, ${model.name} stores the audio: ${megabytes(bytes)} an hour instead of ` +
    `${megabytes(WAV_BYTES_PER_HOUR)}.\n${roundTripText(family)}`
  );
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
