/** Segments that a model invents in silence: openai-whisper's `hallucination_silence_threshold`. */
import type { Segment } from '#daemon/protocol/transcription.js';

import { isAnomalous } from './word-anomaly.js';

/** What was decoded, in seconds of the file. */
interface WindowTimes {
  readonly start: number;
  /** Where its audio ends. */
  readonly audioEnd: number;
  /** Where it ends, 30 s after it begins. */
  readonly end: number;
  /** When the last word before it ended. */
  readonly lastSpeech: number;
  /** Where the file ends, if that is known. */
  readonly fileEnd?: number | undefined;
}

interface KeptSegments {
  readonly segments: readonly Segment[];
  /** Where to go on instead of behind the window's last timestamp; undefined where that is right. */
  readonly next?: number;
}

/** So close to an end of the window nobody can tell what is beside it: it counts as silence. */
const WINDOW_EDGE_SECONDS = 2;
/** The least that is gone forward. */
const MIN_STEP_SECONDS = 1;

/**
 * Drops segments that are anomalous and have silence or more of their like on both sides, and all that follow them, so
 * that the window is heard again from there. If the first one is anomalous after a silence, the silence is skipped.
 *
 * @param segments of a window, with words
 * @param longest seconds that a silence may last
 */
export function dropHallucinations(
  segments: readonly Segment[],
  window: WindowTimes,
  maxSilenceSeconds: number,
): KeptSegments {
  const hasWords = (segment: Segment): boolean => (segment.words?.length ?? 0) > 0;
  const first = segments.find(hasWords);
  if (first === undefined) return { segments };
  if (isAnomalous(first) && first.start - window.start > maxSilenceSeconds)
    return { segments: [], next: first.start };

  let before = window.lastSpeech;
  for (const [i, segment] of segments.entries()) {
    if (!hasWords(segment)) continue;
    if (isAnomalous(segment)) {
      const following = segments.slice(i + 1).find(hasWords);
      const followed = following?.words?.[0]?.start ?? window.audioEnd;
      const silentBefore =
        segment.start - before > maxSilenceSeconds ||
        segment.start < maxSilenceSeconds ||
        segment.start - window.start < WINDOW_EDGE_SECONDS;
      const silentAfter =
        followed - segment.end > maxSilenceSeconds ||
        (following !== undefined && isAnomalous(following)) ||
        window.end - segment.end < WINDOW_EDGE_SECONDS;
      if (silentBefore && silentAfter) {
        const { fileEnd } = window;
        const atEnd = fileEnd !== undefined && fileEnd - segment.end < maxSilenceSeconds;
        const next = atEnd ? fileEnd : Math.max(window.start + MIN_STEP_SECONDS, segment.start);
        return { segments: segments.slice(0, i), next };
      }
    }
    before = segment.end;
  }
  return { segments };
}
