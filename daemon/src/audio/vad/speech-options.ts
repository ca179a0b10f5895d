/** When a sound counts as speech: what may be asked for. */
import { SottoError } from '#daemon/protocol/errors.js';

import type { SpeechOptions } from './speech-segmenter.js';

/** How far the probability has to fall below the one that starts speech to end it, where nobody says. */
const THRESHOLD_HYSTERESIS = 0.15;
const MIN_NEGATIVE_THRESHOLD = 0.01;
export const DEFAULT_THRESHOLD = 0.5;

/** Below this probability speech may end. */
export function negativeThresholdOf({
  threshold = DEFAULT_THRESHOLD,
  negativeThreshold,
}: SpeechOptions): number {
  return negativeThreshold ?? Math.max(threshold - THRESHOLD_HYSTERESIS, MIN_NEGATIVE_THRESHOLD);
}

/** @throws SottoError INVALID_ARGUMENT for numbers that cannot be, alone or together */
export function validateSpeechOptions(options: SpeechOptions): SpeechOptions {
  const { threshold = DEFAULT_THRESHOLD } = options;
  for (const name of ['threshold', 'negativeThreshold'] as const) {
    const value = options[name];
    if (value === undefined || (value >= 0 && value < 1)) continue;
    throw invalidOption(`${name} of speech is ${value}`, 'give a probability: 0 or more, and below 1');
  }
  for (const name of ['minSpeechMs', 'minSilenceMs', 'speechPadMs', 'maxSpeechSeconds'] as const) {
    const value = options[name];
    if (value === undefined || value >= 0) continue;
    throw invalidOption(`${name} of speech is ${value}`, 'give a length of time: 0 or more');
  }
  if (options.negativeThreshold !== undefined && options.negativeThreshold >= threshold) {
    throw invalidOption(
      `negativeThreshold of speech is ${options.negativeThreshold}, threshold ${threshold}: speech would end before it begins`,
      `give a negativeThreshold below ${threshold}, or none: it is then ${negativeThresholdOf({ threshold }).toFixed(2)}`,
    );
  }
  return options;
}

function invalidOption(message: string, hint: string): SottoError {
  return new SottoError('INVALID_ARGUMENT', message, { hint });
}
