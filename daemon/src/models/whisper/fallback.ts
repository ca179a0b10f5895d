/** Decoding that tries again at a higher temperature when the result looks wrong: OpenAI's thresholds. */
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';

import { type DecodeContext, type DecodeResult, decodeWindow } from './decode.js';
import type { EncodedWindow } from './encode.js';

export interface FallbackThresholds {
  /** Temperatures to try in turn; the last one's result is taken as it is. */
  readonly temperatures: readonly number[];
  /** Above this the text repeats itself. */
  readonly compressionRatio: number;
  /** Below this the model does not believe its own words. */
  readonly logprob: number;
  /** Above this nobody speaks, if the words are not believed either. */
  readonly noSpeech: number;
}

export const REFERENCE_THRESHOLDS: FallbackThresholds = {
  temperatures: [0, 0.2, 0.4, 0.6, 0.8, 1],
  compressionRatio: 2.4,
  logprob: -1,
  noSpeech: 0.6,
};

type Judged = Pick<DecodeResult, 'compressionRatio' | 'avgLogprob' | 'noSpeechProb'>;

/** Whether a result calls for another try. Silence does not: no temperature finds words in it. */
export function needsFallback(result: Judged, thresholds: FallbackThresholds): boolean {
  const unsure = result.avgLogprob < thresholds.logprob;
  if (result.noSpeechProb > thresholds.noSpeech && unsure) return false;
  return unsure || result.compressionRatio > thresholds.compressionRatio;
}

/** Whether a result is to be dropped as silence. */
export function isSilence(result: Judged, thresholds: FallbackThresholds): boolean {
  return result.noSpeechProb > thresholds.noSpeech && !(result.avgLogprob > thresholds.logprob);
}

/** As `decodeWindow`, over the ladder of temperatures. With each try the text starts anew. */
export async function* decodeWithFallback(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  thresholds: FallbackThresholds,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, DecodeResult> {
  let result: DecodeResult | undefined;
  let seconds = 0;
  for (const temperature of thresholds.temperatures) {
    result = yield* decodeWindow(context, window, prompt, temperature, signal);
    seconds += result.seconds;
    if (!needsFallback(result, thresholds)) break;
  }
  if (result === undefined) throw new RangeError('no temperature to decode at');
  return { ...result, seconds };
}
