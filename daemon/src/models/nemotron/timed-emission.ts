import { HOP_SAMPLES, SAMPLE_RATE } from '#daemon/audio/mel/mel.js';

import { SUBSAMPLING } from '../conformer/conformer-config.js';
import type { TimedToken } from '../pieces/piece-decoder.js';
import type { Emission } from '../transducer/greedy-walk.js';

const FRAME_SECONDS = (SUBSAMPLING * HOP_SAMPLES) / SAMPLE_RATE;

/** @param startSeconds of the first frame */
export function timedEmission(
  { token, frame, logprob }: Emission,
  startSeconds: number,
): Omit<TimedToken, 'text'> {
  const start = startSeconds + frame * FRAME_SECONDS;
  return { id: token, start, end: start + FRAME_SECONDS, probability: Math.exp(Math.min(0, logprob)) };
}
