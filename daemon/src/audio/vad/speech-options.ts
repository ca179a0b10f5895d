/** Options of voice activity detection: validation and defaults. */
import { SottoError } from '#daemon/protocol/errors.js';

import type { SpeechOptions } from './speech-segmenter.js';

/** Default distance of the negative threshold below the threshold. */
const THRESHOLD_HYSTERESIS = 0.15;
const MIN_NEGATIVE_THRESHOLD = 0.01;
export const DEFAULT_THRESHOLD = 0.5;

/** The probability below which speech may end. */
export function negativeThresholdOf({
  threshold = DEFAULT_THRESHOLD,
  negativeThreshold,
}: SpeechOptions): number {
  return negativeThreshold ?? Math.max(threshold - THRESHOLD_HYSTERESIS, MIN_NEGATIVE_THRESHOLD);
}

/**
 * The options that `vad` of a transcription stands for; undefined without VAD.
 *
 * @throws SottoError INVALID_ARGUMENT for values that are invalid, alone or together
 */
export function speechOptionsOf(vad: boolean | SpeechOptions = true): SpeechOptions | undefined {
  return vad === false ? undefined : validateSpeechOptions(vad === true ? {} : vad);
}

/** @throws SottoError INVALID_ARGUMENT for values that are invalid, alone or together */
export function validateSpeechOptions(options: SpeechOptions): SpeechOptions {
  const { threshold = DEFAULT_THRESHOLD } = options;
  for (const name of ['threshold', 'negativeThreshold'] as const) {
    const value = options[name];
    if (value === undefined || (value >= 0 && value < 1)) continue;
    throw invalidOption(`VAD ${name} is ${value}`, 'use a probability: 0 or more, and below 1');
  }
  for (const name of ['minSpeechMs', 'minSilenceMs', 'speechPadMs', 'maxSpeechSeconds'] as const) {
    const value = options[name];
    if (value === undefined || value >= 0) continue;
    throw invalidOption(`VAD ${name} is ${value}`, 'use a duration of 0 or more');
  }
  if (options.negativeThreshold !== undefined && options.negativeThreshold >= threshold) {
    throw invalidOption(
      `VAD negativeThreshold ${options.negativeThreshold} is not below threshold ${threshold}`,
      `use a value below ${threshold}, or omit it for the default of ${negativeThresholdOf({ threshold }).toFixed(2)}`,
    );
  }
  return options;
}

function invalidOption(message: string, hint: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', message, { hint });
}
