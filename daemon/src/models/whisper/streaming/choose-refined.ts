/** Chooses between the text of the live session and a decode of the whole dictation. */
import type { Segment } from '#daemon/protocol/transcription.js';

/** A segment of the offline decode. */
export type OfflineSegment = Pick<Segment, 'text' | 'tokens' | 'details'>;

/** Above this a text repeats itself; the same threshold as for files. */
const MAX_COMPRESSION_RATIO = 2.4;
/**
 * The offline decode has more context and is right more often, yet its mean log probability is lower, because live tokens
 * are committed only when they are certain. Only a much lower one means that it lost the audio.
 */
const MAX_LOGPROB_DROP = 0.3;

/**
 * @param segments of the whole dictation
 * @param meanLogprob of the committed tokens; undefined if there are none
 */
export function isRefinedBetter(
  segments: readonly OfflineSegment[],
  meanLogprob: number | undefined,
): boolean {
  const scored = segments
    .filter(({ text }) => text.trim() !== '')
    .map(({ tokens = [], details }) => ({ count: tokens.length, ...details?.whisper }));
  if (scored.length === 0) return false;
  if (scored.some(({ compressionRatio = 1 }) => compressionRatio > MAX_COMPRESSION_RATIO)) return false;
  if (meanLogprob === undefined) return true;
  const tokens = scored.reduce((sum, { count }) => sum + count, 0);
  const logprob = scored.reduce((sum, { count, avgLogprob = 0 }) => sum + avgLogprob * count, 0) / tokens;
  return logprob >= meanLogprob - MAX_LOGPROB_DROP;
}
