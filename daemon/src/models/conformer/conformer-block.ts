import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ConformerConfig } from './conformer-config.js';
import { RelativeAttention, type FramePlaces } from './relative-attention.js';

/** A block of the encoder, in any form. */
export interface AnyConformerBlock extends nn.Module {
  readonly norm_out: nn.LayerNorm;
  /** x [B, T, D] → [B, T, D] */
  forward(x: MxArray, places: FramePlaces): MxArray;
}

export class FeedForward extends nn.Module {
  linear1: nn.AnyLinear;
  linear2: nn.AnyLinear;

  constructor({ dims, feedForwardDims, hasBias: bias }: ConformerConfig) {
    super();
    this.linear1 = new nn.Linear(dims, feedForwardDims, { bias });
    this.linear2 = new nn.Linear(feedForwardDims, dims, { bias });
  }

  /** [B, T, D] → [B, T, D] */
  forward(x: MxArray): MxArray {
    return this.linear2.forward(nn.silu(this.linear1.forward(x)));
  }
}

/**
 * Gated convolution over time. The batch norm of the checkpoint is part of `depthwise_conv`, which therefore has a bias always;
 * convolutions of size 1 are linear layers.
 */
export class ConvolutionModule extends nn.Module {
  pointwise_conv1: nn.AnyLinear;
  depthwise_conv: nn.Conv1d;
  pointwise_conv2: nn.AnyLinear;

  constructor({ dims, kernelSize, hasConvolutionBias: bias }: ConformerConfig) {
    super();
    this.pointwise_conv1 = new nn.Linear(dims, 2 * dims, { bias });
    this.depthwise_conv = new nn.Conv1d(dims, dims, kernelSize, {
      padding: (kernelSize - 1) / 2,
      groups: dims,
    });
    this.pointwise_conv2 = new nn.Linear(dims, dims, { bias });
  }

  /** [B, T, D] → [B, T, D]. @param frames 0 for padding, which the convolution sees as the end of the audio: [B, T, 1] */
  forward(x: MxArray, frames?: MxArray): MxArray {
    let gated = nn.glu(this.pointwise_conv1.forward(x));
    if (frames !== undefined) gated = mx.multiply(gated, frames);
    return this.pointwise_conv2.forward(nn.silu(this.depthwise_conv.forward(gated)));
  }
}

/** Half a feed forward, attention, convolution, half a feed forward (Gulati et al., arXiv 2005.08100). */
export class ConformerBlock extends nn.Module implements AnyConformerBlock {
  norm_feed_forward1: nn.LayerNorm;
  feed_forward1: FeedForward;
  norm_self_att: nn.LayerNorm;
  self_attn: RelativeAttention;
  norm_conv: nn.LayerNorm;
  conv: ConvolutionModule;
  norm_feed_forward2: nn.LayerNorm;
  feed_forward2: FeedForward;
  norm_out: nn.LayerNorm;

  constructor(config: ConformerConfig) {
    super();
    const { dims, heads, hasBias } = config;
    this.norm_feed_forward1 = new nn.LayerNorm(dims);
    this.feed_forward1 = new FeedForward(config);
    this.norm_self_att = new nn.LayerNorm(dims);
    this.self_attn = new RelativeAttention(dims, heads, hasBias);
    this.norm_conv = new nn.LayerNorm(dims);
    this.conv = new ConvolutionModule(config);
    this.norm_feed_forward2 = new nn.LayerNorm(dims);
    this.feed_forward2 = new FeedForward(config);
    this.norm_out = new nn.LayerNorm(dims);
  }

  forward(x: MxArray, places: FramePlaces): MxArray {
    x = mx.add(x, mx.multiply(this.feed_forward1.forward(this.norm_feed_forward1.forward(x)), 0.5));
    x = mx.add(x, this.self_attn.forward(this.norm_self_att.forward(x), places));
    x = mx.add(x, this.conv.forward(this.norm_conv.forward(x), places.padding?.frames));
    x = mx.add(x, mx.multiply(this.feed_forward2.forward(this.norm_feed_forward2.forward(x)), 0.5));
    return this.norm_out.forward(x);
  }
}
