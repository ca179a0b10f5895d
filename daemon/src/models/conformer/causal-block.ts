import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { CausalAttention } from './causal-attention.js';
import type { CausalConformerConfig } from './causal-config.js';
import { FeedForward } from './conformer-block.js';

/** Of earlier frames. */
export interface LayerState {
  /** Keys beside values, [1, C, 2 D]; none before the first audio. */
  readonly attention: MxArray | undefined;
  /** Inputs of the depthwise convolution, [1, K - 1, D]. */
  readonly convolution: MxArray;
}

/** What a layer knows of the places of the frames. */
export interface FramePositions {
  /** Keys of the distances between frames, in the layer's own form. */
  readonly distances: MxArray;
  /** Added to the scores, [T, C + T]; absent if all may attend to all. */
  readonly mask: MxArray | undefined;
  /** Frames of a chunk. */
  readonly chunkFrames: number;
  /** Frames that the next chunk attends to. */
  readonly keptFrames: number;
}

/** A block of the encoder, in any form. */
export interface AnyCausalBlock extends nn.Module {
  /** Whether a chunk's bits don't depend on the number of chunks in a call, and positions on nothing but the chunk's length. */
  readonly isChunkwise: boolean;
  readonly norm_out: nn.LayerNorm;
  /** Keys of distances from their sinusoids, [P, D]. They don't depend on the audio. */
  distanceKeys(sinusoids: MxArray): MxArray;
  /** x [1, T, D] → [1, T, D] and the state after it */
  forward(x: MxArray, positions: FramePositions, before: LayerState): [MxArray, LayerState];
}

/**
 * Gated convolution over a frame and those before it. NeMo calls the layer norm `batch_norm`; convolutions of size 1 are linear
 * layers.
 */
export class CausalConvolution extends nn.Module {
  pointwise_conv1: nn.AnyLinear;
  depthwise_conv: nn.Conv1d;
  batch_norm: nn.LayerNorm;
  pointwise_conv2: nn.AnyLinear;

  constructor({ dims, kernelSize, hasConvolutionBias: bias }: CausalConformerConfig) {
    super();
    this.pointwise_conv1 = new nn.Linear(dims, 2 * dims, { bias });
    this.depthwise_conv = new nn.Conv1d(dims, dims, kernelSize, { groups: dims, bias });
    this.batch_norm = new nn.LayerNorm(dims);
    this.pointwise_conv2 = new nn.Linear(dims, dims, { bias });
  }

  /** x [1, T, D], its inputs before x [1, K - 1, D] → [1, T, D] and the last K - 1 inputs */
  forward(x: MxArray, before: MxArray): [MxArray, MxArray] {
    const inputs = mx.concatenate([before, nn.glu(this.pointwise_conv1.forward(x))], 1);
    const convolved = nn.silu(this.batch_norm.forward(this.depthwise_conv.forward(inputs)));
    return [this.pointwise_conv2.forward(convolved), lastFrames(inputs, before.shape[1] ?? 0)];
  }
}

/** A block of the encoder of Noroozi et al., arXiv 2312.17279. */
export class CausalConformerBlock extends nn.Module implements AnyCausalBlock {
  readonly isChunkwise = false;
  norm_feed_forward1: nn.LayerNorm;
  feed_forward1: FeedForward;
  norm_self_att: nn.LayerNorm;
  self_attn: CausalAttention;
  norm_conv: nn.LayerNorm;
  conv: CausalConvolution;
  norm_feed_forward2: nn.LayerNorm;
  feed_forward2: FeedForward;
  norm_out: nn.LayerNorm;

  constructor(config: CausalConformerConfig) {
    super();
    const { dims, heads, hasBias } = config;
    this.norm_feed_forward1 = new nn.LayerNorm(dims);
    this.feed_forward1 = new FeedForward(config);
    this.norm_self_att = new nn.LayerNorm(dims);
    this.self_attn = new CausalAttention(dims, heads, hasBias);
    this.norm_conv = new nn.LayerNorm(dims);
    this.conv = new CausalConvolution(config);
    this.norm_feed_forward2 = new nn.LayerNorm(dims);
    this.feed_forward2 = new FeedForward(config);
    this.norm_out = new nn.LayerNorm(dims);
  }

  distanceKeys(sinusoids: MxArray): MxArray {
    return this.self_attn.distanceKeys(sinusoids);
  }

  /** x [1, T, D] → [1, T, D] and the state after it */
  forward(
    x: MxArray,
    { distances, mask, keptFrames }: FramePositions,
    before: LayerState,
  ): [MxArray, LayerState] {
    x = mx.add(x, mx.multiply(this.feed_forward1.forward(this.norm_feed_forward1.forward(x)), 0.5));
    const normed = this.norm_self_att.forward(x);
    const [attended, all] = this.self_attn.extend(normed, distances, before.attention, mask);
    x = mx.add(x, attended);
    const [convolved, convolution] = this.conv.forward(this.norm_conv.forward(x), before.convolution);
    x = mx.add(x, convolved);
    x = mx.add(x, mx.multiply(this.feed_forward2.forward(this.norm_feed_forward2.forward(x)), 0.5));
    const attention = keptFrames === 0 ? undefined : lastFrames(all, keptFrames);
    return [this.norm_out.forward(x), { attention, convolution }];
  }
}

/** The last `count` frames of [1, T, D], or all of fewer, in memory of their own. */
function lastFrames(x: MxArray, count: number): MxArray {
  const [, frames = 0, dims = 0] = x.shape;
  return mx.contiguous(mx.slice(x, [0, Math.max(0, frames - count), 0], [1, frames, dims]));
}
