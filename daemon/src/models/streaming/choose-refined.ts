/** Whether a decode of the whole take is to stand in place of what was written down while it was spoken. */
import type { Segment } from '#daemon/protocol/transcription.js';

/** What is known of the other decode. */
export type OfflineSegment = Pick<Segment, 'text' | 'tokens' | 'avgLogprob' | 'compressionRatio'>;

/** Above it a text repeats itself, as for files. */
const MAX_COMPRESSION_RATIO = 2.4;
/**
 * A decode that saw all is right more often than one that had to say at once what it heard, and less sure of itself: tokens
 * that were committed are those that were sure. Only where it is much less sure has it lost the audio.
 */
const MAX_LOGPROB_DROP = 0.3;

/**
 * @param segments of the whole take, decoded at once
 * @param meanLogprob of the tokens that were committed; undefined where none was
 */
export function isRefinedBetter(
  { segments }: { readonly segments: readonly OfflineSegment[] },
  meanLogprob: number | undefined,
): boolean {
  const spoken = segments.filter(({ text }) => text.trim() !== '');
  if (spoken.length === 0) return false;
  if (spoken.some(({ compressionRatio }) => compressionRatio > MAX_COMPRESSION_RATIO)) return false;
  if (meanLogprob === undefined) return true;
  const tokens = spoken.reduce((sum, one) => sum + one.tokens.length, 0);
  const logprob = spoken.reduce((sum, one) => sum + one.avgLogprob * one.tokens.length, 0) / tokens;
  return logprob >= meanLogprob - MAX_LOGPROB_DROP;
}
