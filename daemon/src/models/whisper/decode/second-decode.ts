/**
 * Decodes a window a second time, with beams, if the greedy text is doubtful. Beams cost three times as much as a greedy
 * decode and change few words of a confident text (measured in ../../NOTES.md).
 */
import { type DecodeContext, type DecodeResult } from './decode.js';
import { decodeSilently } from './decode-once.js';
import type { EncodedWindow } from '../encode/encode.js';
import { type FallbackThresholds, isSilent } from './quality.js';
import type { WhisperConfig } from '../whisper-config.js';

/** The default of the Whisper tools. */
const SECOND_BEAM_SIZE = 5;
/** The caches of five beams take up to 0.7 GB with the 32 blocks of large, whose greedy text is rarely doubtful. */
const MAX_DECODER_BLOCKS = 12;
/** Mean natural-log probability of a token below which a text is doubtful. */
const MAX_DOUBTFUL_LOGPROB = -0.2;

/** Beams of the second decode of a model; undefined if it makes none. */
export function secondBeamSizeFor({ nTextLayer }: Pick<WhisperConfig, 'nTextLayer'>): number | undefined {
  return nTextLayer > MAX_DECODER_BLOCKS ? undefined : SECOND_BEAM_SIZE;
}

/** @param avgLogprob mean natural-log probability of the tokens of a greedy text */
export function isDoubtfulLogprob(avgLogprob: number): boolean {
  return avgLogprob < MAX_DOUBTFUL_LOGPROB;
}

/** Whether a greedy text is decoded again with beams; not one that is dropped as silence. */
export function isDoubtful(
  result: DecodeResult,
  { search = {}, evidence }: DecodeContext,
  thresholds: FallbackThresholds,
): boolean {
  if (search.secondBeamSize === undefined || result.temperature > 0) return false;
  if (isSilent(result, thresholds, evidence)) return false;
  return isDoubtfulLogprob(result.avgLogprob) || result.compressionRatio > thresholds.compressionRatio;
}

/**
 * The better one of a greedy result and a second decode, if the first is doubtful. The second decode yields no text: it would
 * shorten the text that is shown.
 *
 * @returns a result whose `seconds` include both decodes
 */
export async function decodeAgainIfDoubtful(
  first: DecodeResult,
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  thresholds: FallbackThresholds,
  signal: AbortSignal,
): Promise<DecodeResult> {
  if (!isDoubtful(first, context, thresholds)) return first;
  const second = await decodeWithSecondBeams(context, window, prompt, signal);
  const seconds = first.seconds + second.seconds;
  return { ...(isBetter(second, first, thresholds) ? second : first), seconds };
}

/** Decodes with the beams of `search.secondBeamSize`, without events. */
export async function decodeWithSecondBeams(
  context: DecodeContext,
  window: EncodedWindow,
  prompt: readonly number[],
  signal: AbortSignal,
): Promise<DecodeResult> {
  const search = { ...context.search, beamSize: context.search?.secondBeamSize, earlyStopping: false };
  try {
    return await decodeSilently({ ...context, search }, window, prompt, 0, signal);
  } finally {
    for (const cache of context.caches) cache.dispose(); // frees the rows of the beams; the next decode makes its own
  }
}

function isBetter(a: DecodeResult, b: DecodeResult, { compressionRatio }: FallbackThresholds): boolean {
  const [aRepeats, bRepeats] = [a.compressionRatio > compressionRatio, b.compressionRatio > compressionRatio];
  return aRepeats === bRepeats ? a.avgLogprob > b.avgLogprob : bRepeats;
}
