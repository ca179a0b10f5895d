/** Decodes a doubtful live hypothesis a second time with beams, by the rule of files (../decode/second-decode.ts). */
import type { DecodeContext } from '../decode/decode.js';
import { decodeWithSecondBeams, isDoubtfulLogprob } from '../decode/second-decode.js';
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
  if (!isDoubtful(first, committed, context)) return first;
  const after = { ...context, prefix: committed, maxTokens };
  const second = await decodeWithSecondBeams(after, window, prompt, signal);
  const tokens = second.tokens.slice(committed.length);
  const logprobs = second.logprobs.slice(committed.length);
  if (meanLogprob(logprobs) <= meanLogprob(first.logprobs)) return first;
  return { ...first, tokens, logprobs, ended: tokens.length < maxTokens };
}

function isDoubtful(
  hypothesis: RawHypothesis,
  committed: readonly number[],
  { evidence, search = {} }: DecodeContext,
): boolean {
  const { tokens, logprobs } = hypothesis;
  if (search.secondBeamSize === undefined || tokens.length === 0) return false;
  return !isNoise(hypothesis, committed, evidence) && isDoubtfulLogprob(meanLogprob(logprobs));
}
