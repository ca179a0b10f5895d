/** Chooses between the text of the live session and a decode of the whole dictation. */
import type { Segment } from '#daemon/protocol/transcription.js';

import { isCertainEnough } from '../../streaming/offline-certainty.js';

/** A segment of the offline decode. */
export type OfflineSegment = Pick<Segment, 'text' | 'tokens' | 'details'>;

/** Above this a text repeats itself; the same threshold as for files. */
const MAX_COMPRESSION_RATIO = 2.4;

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
  if (scored.some(({ compressionRatio = 1 }) => compressionRatio > MAX_COMPRESSION_RATIO)) return false;
  return isCertainEnough(
    scored.map(({ count, avgLogprob = 0 }) => ({ count, logprob: avgLogprob })),
    meanLogprob,
  );
}
