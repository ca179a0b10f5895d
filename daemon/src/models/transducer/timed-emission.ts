import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';

import { SUBSAMPLING } from '../conformer/conformer-config.js';
import type { TimedToken } from '../pieces/piece-decoder.js';
import type { Emission } from './greedy-walk.js';

const FRAME_SECONDS = (SUBSAMPLING * HOP_SAMPLES) / SAMPLE_RATE;

/** A token with times. @param startSeconds of the first frame */
export function timedEmission(
  { token, frame, frames, logprob }: Emission,
  startSeconds: number,
): Omit<TimedToken, 'text'> {
  const start = startSeconds + frame * FRAME_SECONDS;
  const end = start + frames * FRAME_SECONDS;
  return { id: token, start, end, probability: Math.exp(Math.min(0, logprob)) };
}
