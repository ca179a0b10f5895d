/** Decodes again, with beams or at a higher temperature, if the result fails OpenAI's thresholds. */

import { type DecodeContext, type DecodeResult, prepareInput } from './decode.js';
import { decodeOnce } from './decode-once.js';
import type { EncodedWindow } from '../encode/encode.js';
import { type FallbackThresholds, needsFallback } from './quality.js';
import { decodeAgainIfDoubtful } from './second-decode.js';
import type { WhisperEvent } from '../whisper-options.js';

/**
 * `decodeOnce` over the ladder of temperatures; each attempt starts the text over. If all of them loop, the last result
 * keeps the loop once.
 */
export async function* decodeWithFallback(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  thresholds: FallbackThresholds,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, DecodeResult> {
  let result: DecodeResult | undefined;
  let seconds = 0;
  for (const [i, temperature] of thresholds.temperatures.entries()) {
    const isLast = i === thresholds.temperatures.length - 1;
    const loops = isLast ? context.loops?.lenient : context.loops;
    const attempt = { ...context, loops };
    const decoded = yield* decodeOnce(attempt, window, prompt, temperature, signal);
    result = await decodeAgainIfDoubtful(decoded, attempt, window, prompt, thresholds, signal);
    seconds += result.seconds;
    if (!needsFallback(result, thresholds, context.evidence)) break;
    if (isLast && loops !== undefined) {
      result = loops.withoutLoop(result, prepareInput(context, prompt).maxSampled);
    }
  }
  if (result === undefined) throw new RangeError('no temperature to decode at');
  return { ...result, seconds };
}
