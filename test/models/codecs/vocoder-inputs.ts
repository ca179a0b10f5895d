/** Mel spectrograms for the tests of vocoders. */
import { mx, type MxArray } from '#native/index.js';

import { testSamples } from './codec-fixtures.js';

/** As in codec_fixtures.py: a chirp with white noise. */
export function noisySamples(count: number): Float32Array {
  let state = 1;
  return testSamples(count).map((x) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return x + 0.25 * (state / 2 ** 31 - 0.5);
  });
}

/** The first `count` frames of [T, bands]. */
export const cut = (frames: MxArray, count: number): MxArray =>
  mx.tidy(() => mx.contiguous(mx.slice(frames, [0, 0], [count, frames.shape[1] ?? 0])));

/** Frames [T, bands] several times, one after the other. */
export function repeated(
  values: Float32Array,
  [frames = 0, bands = 0]: readonly number[],
  times: number,
): MxArray {
  return mx.tidy(() => mx.tile(mx.array(values, [frames, bands]), [times, 1]));
}
