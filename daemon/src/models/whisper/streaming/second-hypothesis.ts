/** Decodes a doubtful live hypothesis a second time with beams, by the rule of files (../decode/second-decode.ts). */
import type { DecodeContext } from '../decode/decode.js';
import { decodeSilently } from '../decode/decode-once.js';
import { isDoubtfulLogprob } from '../decode/second-decode.js';
import type { EncodedWindow } from '../encode/encode.js';
import { type HypothesisInput, isNoise, meanLogprob, type RawHypothesis } from './hypothesize.js';

/**
 * The more probable one of a hypothesis and a search after the same committed tokens, if the first is doubtful.
 *
 * @param context with the beams of `search.secondBeamSize`; none searches if undefined
 * @throws SottoError CANCELLED within one token
 */
export async function hypothesizeAgainIfDoubtful(
  first: RawHypothesis,
  context: DecodeContext,
  window: EncodedWindow,
  { prompt, committed, maxTokens }: HypothesisInput,
  signal: AbortSignal,
): Promise<RawHypothesis> {
  const { secondBeamSize: beamSize } = context.search ?? {};
  if (beamSize === undefined || !isDoubtful(first, committed, context)) return first;
  const beams = { ...context, search: { beamSize, earlyStopping: false }, prefix: committed, maxTokens };
  try {
    const second = await decodeSilently(beams, window, prompt, 0, signal);
    const tokens = second.tokens.slice(committed.length);
    const logprobs = second.logprobs.slice(committed.length);
    if (meanLogprob(logprobs) <= meanLogprob(first.logprobs)) return first;
    return { ...first, tokens, logprobs, ended: tokens.length < maxTokens };
  } finally {
    for (const cache of context.caches) cache.dispose(); // frees the rows of the beams; the next decode makes its own
  }
}

function isDoubtful(
  hypothesis: RawHypothesis,
  committed: readonly number[],
  { evidence }: DecodeContext,
): boolean {
  const { tokens, logprobs } = hypothesis;
  if (tokens.length === 0 || isNoise(hypothesis, committed, evidence)) return false;
  return isDoubtfulLogprob(meanLogprob(logprobs));
}
