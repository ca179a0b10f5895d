/**
 * Packs segments of speech into windows for the encoder: as few as possible, cut only in pauses. The silence between
 * segments is left out, so that a window holds more speech; times are mapped back to the file. All positions are mel
 * frames of 10 ms.
 */

import { HOP_SAMPLES } from '#daemon/audio/mel/mel.js';
import type { SpeechSegment } from '#daemon/audio/vad/index.js';

/** Frames `start` (inclusive) to `end` (exclusive). */
export interface FrameSpan {
  readonly start: number;
  readonly end: number;
}

/** A window assembled from pieces of the audio, in order. */
export interface PackedSpeech {
  readonly pieces: readonly FrameSpan[];
  /** Total of all pieces. */
  readonly frames: number;
}

export interface AvailableSpeech {
  /** Padded speech, in order and disjoint. */
  readonly segments: readonly FrameSpan[];
  /** Speech without padding, split at short pauses: it may be cut between two of these. */
  readonly tight: readonly FrameSpan[];
  /** Whether the audio has ended; otherwise the last segment may grow and more may follow. */
  readonly ended: boolean;
}

export interface Packing {
  readonly window: PackedSpeech;
  /** The next window starts here or later. */
  readonly end: number;
}

/** Longer pauses make no better cut. */
const MAX_PAUSE_FRAMES = 100;
/** Padding of a segment, which is silence too. */
const PADDING_FRAMES = 50;
/** Unfilled frames of a window that one frame of pause is worth. */
const PAUSE_WEIGHT = 8;
/** Minimum fill of a window, whatever the pauses. */
const MIN_FILL_RATIO = 0.5;
/** Audio required beyond a window before it is cut: speech boundaries are final only a little later. */
const LOOKAHEAD_FRAMES = 300;

/**
 * The next window, or undefined while its end needs more audio.
 *
 * @param capacity frames that a window holds
 * @param quietest finds the quietest place between two frames, for speech without a pause
 */
export function packNext(
  { segments, tight, ended }: AvailableSpeech,
  capacity: number,
  quietest: (from: number, to: number) => number,
): Packing | undefined {
  const last = segments.at(-1);
  if (last === undefined) return undefined;
  const length = lengthOf(segments);
  if (!ended && length <= capacity + LOOKAHEAD_FRAMES) return undefined;
  if (length <= capacity) return { window: windowOf(segments), end: last.end };
  const cutPoints = findCutPoints(segments, tight).filter(({ filled }) => filled <= capacity);
  let best = bestOf(
    cutPoints.filter(({ filled }) => filled >= MIN_FILL_RATIO * capacity),
    capacity,
  );
  best ??= quietestCut(segments, capacity, quietest);
  return { window: windowOf(spansBefore(segments, best.at)), end: best.at };
}

/** A possible end of a window. */
interface CutPoint {
  readonly at: number;
  /** Frames of speech up to it. */
  readonly filled: number;
  readonly pause: number;
}

/** Between segments, and in the middle of pauses inside them. */
function findCutPoints(segments: readonly FrameSpan[], tight: readonly FrameSpan[]): CutPoint[] {
  const places: CutPoint[] = [];
  let filled = 0;
  for (const [i, { start, end }] of segments.entries()) {
    for (const [j, spoken] of tight.entries()) {
      const next = tight[j + 1];
      if (next === undefined || spoken.end <= start || next.start >= end) continue;
      const at = (spoken.end + next.start) >> 1;
      if (at > start && at < end)
        places.push({ at, filled: filled + at - start, pause: next.start - spoken.end });
    }
    filled += end - start;
    const next = segments[i + 1];
    if (next !== undefined) places.push({ at: end, filled, pause: next.start - end + PADDING_FRAMES });
  }
  return places;
}

function bestOf(places: readonly CutPoint[], capacity: number): CutPoint | undefined {
  let best: CutPoint | undefined;
  let minCost = Infinity;
  for (const cutPoint of places) {
    const cost = capacity - cutPoint.filled - PAUSE_WEIGHT * Math.min(MAX_PAUSE_FRAMES, cutPoint.pause);
    if (cost <= minCost) [best, minCost] = [cutPoint, cost];
  }
  return best;
}

/** Without a pause in the later half of a window, it ends at the quietest place there. */
function quietestCut(
  segments: readonly FrameSpan[],
  capacity: number,
  quietest: (from: number, to: number) => number,
): CutPoint {
  let filled = 0;
  for (const { start, end } of segments) {
    const from = start + Math.max(1, Math.ceil(MIN_FILL_RATIO * capacity) - filled);
    const to = Math.min(end - 1, start + capacity - filled);
    if (from <= to) {
      const at = Math.min(to, Math.max(from, quietest(from, to)));
      return { at, filled: filled + at - start, pause: 0 };
    }
    filled += end - start;
  }
  throw new RangeError('speech that fits in a window is not cut');
}

/** The segments before a frame. */
function spansBefore(segments: readonly FrameSpan[], at: number): FrameSpan[] {
  return segments.flatMap(({ start, end }) => (start < at ? [{ start, end: Math.min(end, at) }] : []));
}

/** Merges adjacent segments into one piece. */
function windowOf(segments: readonly FrameSpan[]): PackedSpeech {
  const pieces: FrameSpan[] = [];
  for (const { start, end } of segments) {
    const previous = pieces.at(-1);
    if (previous !== undefined && previous.end >= start)
      pieces[pieces.length - 1] = { start: previous.start, end };
    else pieces.push({ start, end });
  }
  return { pieces, frames: lengthOf(pieces) };
}

function lengthOf(spans: readonly FrameSpan[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}

/**
 * Maps a frame of a window to the file. At the seam of two pieces a start belongs to the later piece, an end to the earlier
 * one. Frames outside map to the ends.
 */
export function placeInFile({ pieces }: PackedSpeech, frame: number, isStart: boolean): number {
  let left = Math.max(0, frame);
  for (const { start, end } of pieces) {
    const length = end - start;
    if (left < length || (left === length && !isStart)) return start + left;
    left -= length;
  }
  return pieces.at(-1)?.end ?? 0;
}

/** Maps spans of the file to frames of a window; parts outside its pieces are dropped. */
export function spansInWindow({ pieces }: PackedSpeech, spans: readonly FrameSpan[]): FrameSpan[] {
  let offset = 0;
  return pieces.flatMap((piece) => {
    const shift = offset - piece.start;
    offset += piece.end - piece.start;
    return spans.flatMap(({ start, end }) => {
      const [from, to] = [Math.max(start, piece.start), Math.min(end, piece.end)];
      return to > from ? [{ start: from + shift, end: to + shift }] : [];
    });
  });
}

/** Speech in samples as frames: the part between two frames, disjoint. */
export function toFrames(segments: readonly SpeechSegment[], from: number, to: number): FrameSpan[] {
  const spans: FrameSpan[] = [];
  for (const segment of segments) {
    const start = Math.max(spans.at(-1)?.end ?? from, Math.floor(segment.start / HOP_SAMPLES));
    const end = Math.min(to, Math.ceil(segment.end / HOP_SAMPLES));
    if (end > start) spans.push({ start, end });
  }
  return spans;
}
