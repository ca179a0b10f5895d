import { mx, type MxArray } from '#native/index.js';

import { FrameStream } from './frame-stream.js';
import type { FrontEnd } from './front-end.js';

/** `per feature`: each band has mean 0 and deviation 1 over the audio, as NeMo’s offline models expect. */
export type Normalization = 'per feature' | 'none';

const GROUP_FRAMES = 100;
/** Added to the deviation. */
const EPSILON = 1e-5;
/** Fewer frames have no deviation. */
export const MIN_FRAMES = 2;

/**
 * The frames of a whole audio, as many as there are whole hops in it: [⌊samples / hop⌋, bands]. The caller owns them.
 *
 * @param samples at least `MIN_FRAMES` hops
 */
export function normalizedFrames(
  frontEnd: FrontEnd,
  samples: Float32Array,
  normalization: Normalization,
): MxArray {
  const stream = new FrameStream(frontEnd, GROUP_FRAMES);
  const parts = [stream.push(samples), stream.end()];
  try {
    return mx.tidy(() => {
      const count = Math.floor(samples.length / frontEnd.config.hopSamples);
      // The frame after the last whole hop is mostly padding.
      const frames = mx.slice(mx.concatenate(parts, 0), [0, 0], [count, frontEnd.bands]);
      if (normalization === 'none') return frames;
      const deviation = mx.std(frames, 0, true, 1);
      return mx.divide(mx.subtract(frames, mx.mean(frames, 0, true)), mx.add(deviation, EPSILON));
    });
  } finally {
    mx.dispose(parts);
  }
}
