/** Drops segments hallucinated in silence: openai-whisper's `hallucination_silence_threshold`. */

import { isAnomalous } from './word-anomaly.js';
import type { WhisperSegment } from '../whisper-options.js';

/** A decoded window, in seconds of the file. */
interface WindowTimes {
  readonly start: number;
  /** End of its audio. */
  readonly audioEnd: number;
  /** End of the window, 30 s after its start. */
  readonly end: number;
  /** End of the last word before it. */
  readonly lastSpeech: number;
  /** End of the file, if known. */
  readonly fileEnd?: number | undefined;
}

interface KeptSegments {
  readonly segments: readonly WhisperSegment[];
  /** Start of the next window; undefined for the window's last timestamp. */
  readonly next?: number;
}

/** This close to the edge of a window the context is unknown and counts as silence. */
const WINDOW_EDGE_SECONDS = 2;
/** Minimum progress. */
const MIN_STEP_SECONDS = 1;

/**
 * Drops anomalous segments with silence or more anomalies on both sides, and all segments after them, so that decoding
 * restarts there. If the first one is anomalous after a silence, the silence is skipped.
 *
 * @param segments of a window, with words
 */
export function dropHallucinations(
  segments: readonly WhisperSegment[],
  window: WindowTimes,
  maxSilenceSeconds: number,
): KeptSegments {
  const hasWords = (segment: WhisperSegment): boolean => (segment.words?.length ?? 0) > 0;
  const first = segments.find(hasWords);
  if (first === undefined) return { segments };
  if (isAnomalous(first) && first.start - window.start > maxSilenceSeconds)
    return { segments: [], next: first.start };

  let previousEnd = window.lastSpeech;
  for (const [i, segment] of segments.entries()) {
    if (!hasWords(segment)) continue;
    if (isAnomalous(segment)) {
      const following = segments.slice(i + 1).find(hasWords);
      const nextStart = following?.words?.[0]?.start ?? window.audioEnd;
      const isSilentBefore =
        segment.start - previousEnd > maxSilenceSeconds ||
        segment.start < maxSilenceSeconds ||
        segment.start - window.start < WINDOW_EDGE_SECONDS;
      const isSilentAfter =
        nextStart - segment.end > maxSilenceSeconds ||
        (following !== undefined && isAnomalous(following)) ||
        window.end - segment.end < WINDOW_EDGE_SECONDS;
      if (isSilentBefore && isSilentAfter) {
        const { fileEnd } = window;
        const isAtEnd = fileEnd !== undefined && fileEnd - segment.end < maxSilenceSeconds;
        const next = isAtEnd ? fileEnd : Math.max(window.start + MIN_STEP_SECONDS, segment.start);
        return { segments: segments.slice(0, i), next };
      }
    }
    previousEnd = segment.end;
  }
  return { segments };
}
