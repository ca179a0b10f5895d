import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { encoderFrames, type ConformerConfig } from './conformer-config.js';

const HALF = { stride: 2, padding: 1 };

/** The layers before the first block, in any form. */
export interface AnySubsampling extends nn.Module {
  /** Mel [B, T, bands] → [B, ⌈T / 8⌉, D] */
  forward(mel: MxArray): MxArray;
}

/**
 * Eight mel frames become one frame of the encoder: three convolutions of stride 2 over time and bands, the last two of them
 * depthwise separable (`dw_striding`). The gaps in `conv` are activations, so that the fields have the checkpoint's names.
 */
export class Subsampling extends nn.Module implements AnySubsampling {
  conv: (nn.Conv2d | nn.AnyLinear | null)[];
  out: nn.AnyLinear;

  constructor({ bands, dims, subsamplingChannels: channels }: ConformerConfig) {
    super();
    this.conv = [new nn.Conv2d(1, channels, 3, HALF), null];
    for (let i = 0; i < 2; i++) {
      this.conv.push(
        new nn.Conv2d(channels, channels, 3, { ...HALF, groups: channels }),
        new nn.Linear(channels, channels), // a convolution of size 1
        null,
      );
    }
    this.out = new nn.Linear(channels * encoderFrames(bands), dims);
  }

  forward(mel: MxArray): MxArray {
    let x = mx.expandDims(mel, -1); // [B, T, bands, 1]
    for (const layer of this.conv) x = layer === null ? nn.relu(x) : layer.forward(x);
    const [batch = 0, frames = 0, , channels = 0] = x.shape;
    // The checkpoint's channels vary slower than its bands.
    const flat = mx.reshape(mx.transpose(x, [0, 1, 3, 2]), [batch, frames, channels * (x.shape[2] ?? 0)]);
    return this.out.forward(flat);
  }
}
