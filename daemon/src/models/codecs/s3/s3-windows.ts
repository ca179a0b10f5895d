/** Audio longer than a window: windows that overlap, of which the inner ends are dropped. */
import { WINDOW_FRAMES } from './s3-config.js';

/** Mel frames: 26 s from the start of a window to that of the next, and 2 s that are dropped at an inner end. */
const WINDOW_STEP = 2600;
const DROPPED = (WINDOW_FRAMES - WINDOW_STEP) / 2;

export interface S3Window {
  /** Mel frames. */
  readonly start: number;
  readonly end: number;
  /** Mel frames of it that are dropped. */
  readonly head: number;
  readonly tail: number;
}

/**
 * The windows of `total` mel frames.
 *
 * The reference starts another window behind one that reaches the end, if less than 4 s are left, and so loses up to 2 s.
 */
export function s3Windows(total: number): S3Window[] {
  const windows: S3Window[] = [];
  for (let start = 0; start < total; start += WINDOW_STEP) {
    const isLast = start + WINDOW_FRAMES >= total;
    const end = isLast ? total : start + WINDOW_FRAMES;
    windows.push({ start, end, head: start === 0 ? 0 : DROPPED, tail: isLast ? 0 : DROPPED });
    if (isLast) break;
  }
  return windows;
}
