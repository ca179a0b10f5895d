/** Whether a decode of the whole dictation is certain enough to replace the text of the live session. */
import type { TranscribeResult } from '#daemon/protocol/transcription.js';

/** The tokens of a segment of the offline decode, and the mean of their natural-log probabilities. */
interface ScoredSegment {
  readonly count: number;
  readonly logprob: number;
}

/**
 * The offline decode has more context and is right more often, yet its mean log probability is lower, because live tokens
 * are committed only when they are certain. Only a much lower one means that it lost the audio.
 */
const MAX_LOGPROB_DROP = 0.3;

/**
 * @param segments of the whole dictation, those with text
 * @param meanLogprob of the committed tokens; undefined if there are none
 */
export function isCertainEnough(
  segments: readonly ScoredSegment[],
  meanLogprob: number | undefined,
): boolean {
  if (segments.length === 0) return false;
  if (meanLogprob === undefined) return true;
  const tokens = segments.reduce((sum, { count }) => sum + count, 0);
  const logprob = segments.reduce((sum, { count, logprob }) => sum + logprob * count, 0) / tokens;
  return logprob >= meanLogprob - MAX_LOGPROB_DROP;
}

/** The same for a family whose segments have tokens and a confidence. */
export function isResultCertainEnough(
  { segments }: TranscribeResult,
  meanLogprob: number | undefined,
): boolean {
  const scored = segments
    .filter(({ text }) => text.trim() !== '')
    .map(({ tokens = [], confidence = 1 }) => ({ count: tokens.length, logprob: Math.log(confidence) }));
  return isCertainEnough(scored, meanLogprob);
}
