/** Decoding that tries again at a higher temperature when the result looks wrong: OpenAI's thresholds. */
import type { TranscribeEvent } from '#daemon/protocol/transcription.js';

import { type DecodeContext, type DecodeResult, decodeWindow } from './decode.js';
import { decodeSideBySide } from './decode-side-by-side.js';
import type { EncodedWindow } from './encode.js';
import { BeamSearch, BestOfDraws, type Search } from './search.js';

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

/** One try: greedy or one draw, unless the context's search asks for more. */
export function decodeOnce(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  signal: AbortSignal,
): AsyncGenerator<TranscribeEvent, DecodeResult> {
  const search = searchAt(context, temperature);
  if (search === undefined) return decodeWindow(context, window, prompt, temperature, signal);
  return decodeSideBySide(context, window, prompt, temperature, search, signal);
}

function searchAt(
  { search = {}, seed, tokenizer, model }: DecodeContext,
  temperature: number,
): Search | undefined {
  const { beamSize = 1, bestOf = 1, patience, lengthPenalty } = search;
  const limits = { endOfText: tokenizer.special.endOfText, vocabulary: model.config.nVocab, lengthPenalty };
  if (temperature === 0) return beamSize > 1 ? new BeamSearch({ ...limits, beamSize, patience }) : undefined;
  if (bestOf < 2) return undefined;
  return new BestOfDraws({
    ...limits,
    count: bestOf,
    temperature,
    seed: seed + Math.round(temperature * 1000),
  });
}

/** As `decodeOnce`, over the ladder of temperatures. With each try the text starts anew. */
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
    result = yield* decodeOnce(context, window, prompt, temperature, signal);
    seconds += result.seconds;
    if (!needsFallback(result, thresholds)) break;
  }
  if (result === undefined) throw new RangeError('no temperature to decode at');
  return { ...result, seconds };
}
