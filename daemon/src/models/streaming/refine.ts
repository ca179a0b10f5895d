/** Whether a decode of the whole take is to stand in place of what was written down while it was spoken. */
import type { Segment } from '#daemon/protocol/transcription.js';

/** What is known of the other decode. */
export type Offline = Pick<Segment, 'text' | 'tokens' | 'avgLogprob' | 'compressionRatio'>;

/** Above it a text repeats itself, as for files. */
const REPEATS = 2.4;
/**
 * A decode that saw all is right more often than one that had to say at once what it heard, and less sure of itself: tokens
 * that were committed are those that were sure. Only where it is much less sure has it lost the audio.
 */
const MARGIN = 0.3;

/**
 * @param segments of the whole take, decoded at once
 * @param meanLogprob of the tokens that were committed; undefined where none was
 */
export function refinedIsBetter(
  { segments }: { readonly segments: readonly Offline[] },
  meanLogprob: number | undefined,
): boolean {
  const said = segments.filter(({ text }) => text.trim() !== '');
  if (said.length === 0) return false;
  if (said.some(({ compressionRatio }) => compressionRatio > REPEATS)) return false;
  if (meanLogprob === undefined) return true;
  const tokens = said.reduce((sum, one) => sum + one.tokens.length, 0);
  const logprob = said.reduce((sum, one) => sum + one.avgLogprob * one.tokens.length, 0) / tokens;
  return logprob >= meanLogprob - MARGIN;
}
