/** Speech that the VAD found, as ranges of its frames of 32 ms, and the pauses between them. */
import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { FRAME_SAMPLES } from '#daemon/audio/vad/index.js';

import type { SpeechSpan } from './piece-decoder.js';
import { frameLevels, quietestFrame } from './quietest-frame.js';

/** Frames `start` (inclusive) to `end` (exclusive). */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

/** A shorter pause may be within a word. */
const MIN_CUT_PAUSE_FRAMES = 3;
/** How far from a pause a word may seem to start that starts after it. */
const MAX_SNAP_SAMPLES = 0.6 * SAMPLE_RATE;

/** The speech between two samples, in seconds from the first of them. */
export function spansWithin(ranges: readonly FrameRange[], from: number, to: number): SpeechSpan[] {
  return ranges.flatMap(({ start, end }) => {
    const [first, last] = [Math.max(from, start * FRAME_SAMPLES), Math.min(to, end * FRAME_SAMPLES)];
    return last > first ? [{ start: (first - from) / SAMPLE_RATE, end: (last - from) / SAMPLE_RATE }] : [];
  });
}

/** The middle of the nearest pause to a sample, if there is one close to it. */
export function snapToPause(ranges: readonly FrameRange[], sample: number): number {
  let best = { sample, distance: MAX_SNAP_SAMPLES };
  for (const pause of pausesOf(ranges)) {
    const distance = Math.abs(pause.middle - sample);
    if (distance < best.distance) best = { sample: pause.middle, distance };
  }
  return best.sample;
}

/** The sample between two others where audio is cut best: in the longest pause, or at the quietest place. */
export function bestCut(
  ranges: readonly FrameRange[],
  from: number,
  to: number,
  read: (from: number, to: number) => Float32Array,
): number {
  const [longest] = pausesOf(ranges)
    .filter(({ middle }) => middle > from && middle < to)
    .toSorted((a, b) => b.frames - a.frames);
  return longest?.middle ?? from + quietestFrame(frameLevels(read(from, to))) * HOP_SAMPLES;
}

function pausesOf(ranges: readonly FrameRange[]): { middle: number; frames: number }[] {
  return ranges.flatMap(({ end }, i) => {
    const next = ranges[i + 1];
    if (next === undefined || next.start - end < MIN_CUT_PAUSE_FRAMES) return [];
    return [{ middle: ((end + next.start) >> 1) * FRAME_SAMPLES, frames: next.start - end }];
  });
}
