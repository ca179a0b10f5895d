/** One attempt at a window: greedy, a sample, or a search. */

import { type DecodeContext, type DecodeResult, decodeWindow } from './decode.js';
import { decodeWithSearch } from '../search/decode-with-search.js';
import type { EncodedWindow } from '../encode/encode.js';
import { HotwordSearch } from '../../hotwords/hotword-search.js';
import { RepetitionStopper } from './loops.js';
import { NoRepeatNgram } from './no-repeat-ngram.js';
import { BeamSearch, BestOfSamples, type Search, type SearchLimits } from '../../search/search.js';
import type { WhisperEvent } from '../whisper-options.js';

/** Greedy or a single sample, unless the context asks for a search. */
export function decodeOnce(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  temperature: number,
  signal: AbortSignal,
): AsyncGenerator<WhisperEvent, DecodeResult> {
  const search = searchAt(context, temperature);
  if (search === undefined) return decodeWindow(context, window, prompt, temperature, signal);
  return decodeWithSearch(context, window, prompt, temperature, search, signal);
}

/** `decodeOnce` without the growing text. */
export async function decodeSilently(...args: Parameters<typeof decodeOnce>): Promise<DecodeResult> {
  const decode = decodeOnce(...args);
  let step = await decode.next();
  while (step.done !== true) step = await decode.next();
  return step.value;
}

/** Whether the host chooses the tokens, with one wait per token. */
export function searchesOnHost(context: DecodeContext, temperature: number): boolean {
  return searchAt(context, temperature) !== undefined;
}

/** The search on the host; undefined if the device samples alone. */
function searchAt(context: DecodeContext, temperature: number): Search | undefined {
  const { search = {}, tokenizer, model, prefix, loops } = context;
  const { noRepeatNgram: size } = search;
  const limits = { endOfText: tokenizer.special.endOfText, vocabulary: model.config.nVocab };
  let chosen = choiceAt(context, temperature, limits);
  if (chosen === undefined) return undefined;
  if (size !== undefined) chosen = new NoRepeatNgram(chosen, { ...limits, size, prefix });
  return loops === undefined ? chosen : new RepetitionStopper(chosen, loops, temperature > 0);
}

function choiceAt(
  { search = {}, seed, hotwords, prefix }: DecodeContext,
  temperature: number,
  limits: SearchLimits,
): Search | undefined {
  const { beamSize = 1, bestOf: count = 1, patience, earlyStopping, lengthPenalty, noRepeatNgram } = search;
  const onHost = noRepeatNgram !== undefined || hotwords !== undefined;
  if (temperature === 0) {
    if (beamSize < 2 && !onHost) return undefined;
    const beam = { ...limits, lengthPenalty, beamSize, patience, earlyStopping };
    return hotwords === undefined
      ? new BeamSearch(beam)
      : new HotwordSearch({ ...beam, hotwords, precedingTokens: prefix ?? [] });
  }
  if (count < 2 && !onHost) return undefined;
  const sampleSeed = seed + Math.round(temperature * 1000);
  const boost = hotwords && ((tokens: readonly number[]) => hotwords.boosts(tokens));
  return new BestOfSamples({ ...limits, lengthPenalty, count, temperature, seed: sampleSeed, boost });
}
