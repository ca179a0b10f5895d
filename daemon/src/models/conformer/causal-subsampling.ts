import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { halvedBands, type CausalConformerConfig } from './causal-config.js';

const HALF = { stride: 2 };
/** Zeros around the bands. */
export const BAND_PADDING = [2, 1] as const;

/** The last frame of each convolution's input, [1, 1, bands, channels]; none before the first audio. */
export type SubsamplingState = readonly MxArray[];

/** The layers before the first block, in any form. */
export interface AnyCausalSubsampling extends nn.Module {
  /**
   * @param mel [1, T, bands], T ≥ 1: a chunk's frames unless `isLast`
   * @param isLast whether no audio follows: zeros do
   * @returns [1, T', D] and the state after it
   */
  forward(mel: MxArray, before: SubsamplingState, isLast: boolean): [MxArray, SubsamplingState];
}

/**
 * Eight mel frames become one frame of the encoder as in `Subsampling`, but a convolution reads two frames before its place
 * and none after it. The gaps in `conv` are activations, so that the fields have the checkpoint's names.
 */
export class CausalSubsampling extends nn.Module implements AnyCausalSubsampling {
  conv: (nn.Conv2d | nn.AnyLinear | null)[];
  out: nn.AnyLinear;

  constructor({ bands, dims, subsamplingChannels: channels }: CausalConformerConfig) {
    super();
    this.conv = [new nn.Conv2d(1, channels, 3, HALF), null];
    for (let i = 0; i < 2; i++) {
      this.conv.push(
        new nn.Conv2d(channels, channels, 3, { ...HALF, groups: channels }),
        new nn.Linear(channels, channels), // a convolution of size 1
        null,
      );
    }
    this.out = new nn.Linear(channels * halvedBands(halvedBands(halvedBands(bands))), dims);
  }

  forward(mel: MxArray, before: SubsamplingState, isLast: boolean): [MxArray, SubsamplingState] {
    let x = mx.expandDims(mel, -1); // [1, T, bands, 1]
    const after: MxArray[] = [];
    for (const layer of this.conv) {
      if (layer instanceof nn.Conv2d) {
        const past = before[after.length];
        after.push(lastFrame(x));
        const joined = past === undefined ? x : mx.concatenate([past, x], 1);
        const padding = [past === undefined ? 2 : 0, isLast ? 1 : 0];
        x = layer.forward(mx.pad(joined, [[0, 0], padding, BAND_PADDING, [0, 0]]));
      } else x = layer === null ? nn.relu(x) : layer.forward(x);
    }
    return [this.out.forward(flattenedBands(x)), after];
  }
}

/** [B, T, bands, channels] → [B, T, channels · bands]: the checkpoint's channels vary slower than its bands. */
export function flattenedBands(x: MxArray): MxArray {
  const [batch = 0, frames = 0, bands = 0, channels = 0] = x.shape;
  return mx.reshape(mx.transpose(x, [0, 1, 3, 2]), [batch, frames, channels * bands]);
}

/** The state of a convolution after its input [B, T, bands, channels]. */
export function lastFrame(x: MxArray): MxArray {
  const [batch = 0, frames = 0, bands = 0, channels = 0] = x.shape;
  return mx.contiguous(mx.slice(x, [0, frames - 1, 0, 0], [batch, frames, bands, channels]));
}
