/**
 * How much of a live window is encoded: less than the 30 s that the encoder learnt on, or every look would cost as much as
 * half a minute. Below 10 s, or with less than a second of silence behind the speech, small models lose the end and say the
 * sentence again.
 */
import { WINDOW_FRAMES } from '../audio.js';

const LEAST_FRAMES = 1000;
const SILENCE_FRAMES = 100;
/** Few lengths, so that buffers are used again. */
const STEP_FRAMES = 200;

/** Mel frames to encode for so many of audio. */
export function liveWindowFrames(audioFrames: number): number {
  const wanted = Math.ceil((audioFrames + SILENCE_FRAMES) / STEP_FRAMES) * STEP_FRAMES;
  return Math.min(WINDOW_FRAMES, Math.max(LEAST_FRAMES, wanted));
}
