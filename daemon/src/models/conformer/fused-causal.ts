/**
 * The causal encoder in fewer ops, for `nn.fuse` on the CPU, as `fusedConformer` for the other one. Each chunk is computed alone:
 * its bits don't depend on how many chunks are given at once.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  CausalConformerBlock,
  type AnyCausalBlock,
  type FramePositions,
  type LayerState,
} from './causal-block.js';
import {
  BAND_PADDING,
  CausalSubsampling,
  flattenedBands,
  lastFrame,
  type AnyCausalSubsampling,
  type SubsamplingState,
} from './causal-subsampling.js';
import { biasOf, DepthwiseWeights } from './depthwise-weights.js';
import type { FeedForward } from './conformer-block.js';
import { halfFeedForward } from './fused-conformer.js';

/** For `nn.fuse`. Other devices compute the plain layers. */
export const fusedCausal: nn.Fusion = (module) => {
  if (!nn.canPack()) return undefined;
  if (module instanceof CausalConformerBlock) return new FusedCausalBlock(module);
  return module instanceof CausalSubsampling ? new FusedCausalSubsampling(module) : undefined;
};

class FusedCausalBlock extends nn.Module implements AnyCausalBlock {
  readonly isChunkwise = true;
  norm_feed_forward1: nn.LayerNorm;
  feed_forward1: FeedForward;
  norm_self_att: nn.LayerNorm;
  qkv: nn.AnyLinear;
  linear_pos: nn.AnyLinear;
  linear_out: nn.AnyLinear;
  pos_bias_u: MxArray;
  pos_bias_v: MxArray;
  norm_conv: nn.LayerNorm;
  pointwise_conv1: nn.AnyLinear;
  depthwise_conv: DepthwiseWeights;
  batch_norm: nn.LayerNorm;
  pointwise_conv2: nn.AnyLinear;
  norm_feed_forward2: nn.LayerNorm;
  feed_forward2: FeedForward;
  norm_out: nn.LayerNorm;

  constructor(block: CausalConformerBlock) {
    super();
    const { self_attn: attention, conv } = block;
    this.norm_feed_forward1 = block.norm_feed_forward1;
    this.feed_forward1 = block.feed_forward1;
    this.norm_self_att = block.norm_self_att;
    this.qkv = nn.join([attention.linear_q, attention.linear_k, attention.linear_v]);
    this.linear_pos = attention.linear_pos;
    this.linear_out = attention.linear_out;
    this.pos_bias_u = attention.pos_bias_u;
    this.pos_bias_v = attention.pos_bias_v;
    this.norm_conv = block.norm_conv;
    this.pointwise_conv1 = conv.pointwise_conv1;
    this.depthwise_conv = new DepthwiseWeights(conv.depthwise_conv);
    this.batch_norm = conv.batch_norm;
    this.pointwise_conv2 = conv.pointwise_conv2;
    this.norm_feed_forward2 = block.norm_feed_forward2;
    this.feed_forward2 = block.feed_forward2;
    this.norm_out = block.norm_out;
  }

  distanceKeys(sinusoids: MxArray): MxArray {
    return this.linear_pos.forward(sinusoids);
  }

  forward(
    x: MxArray,
    { distances, chunkFrames }: FramePositions,
    { attention: past, convolution: before }: LayerState,
  ): [MxArray, LayerState] {
    x = halfFeedForward(x, this.norm_feed_forward1, this.feed_forward1);
    const qkv = this.qkv.fused(x, { norm: this.norm_self_att });
    const { pos_bias_u: u, pos_bias_v: v } = this;
    const [attended, kept] = mx.cpu.causalAttention(qkv, distances, u, v, chunkFrames, {
      past: past ?? null,
    });
    x = this.linear_out.fused(attended, { residual: x });
    const doubled = this.pointwise_conv1.fused(x, { norm: this.norm_conv });
    const [convolved, convolution] = this.#convolve(doubled, before);
    x = this.pointwise_conv2.fused(convolved, { residual: x });
    x = halfFeedForward(x, this.norm_feed_forward2, this.feed_forward2);
    const attention = kept.size === 0 ? undefined : kept;
    return [this.norm_out.forward(x), { attention, convolution }];
  }

  #convolve(x: MxArray, before: MxArray): [MxArray, MxArray] {
    const { depthwise_conv: kernel, batch_norm: norm } = this;
    if (norm.weight === null || norm.bias === null) throw new RangeError('a norm without weights');
    const { bias, weights } = kernel;
    return mx.cpu.causalDepthwise(x, before, weights, norm.weight, norm.bias, norm.eps, { bias });
  }
}

class FusedCausalSubsampling extends nn.Module implements AnyCausalSubsampling {
  conv: (DepthwiseWeights | nn.AnyLinear | null)[];
  out: nn.AnyLinear;

  constructor({ conv, out }: CausalSubsampling) {
    super();
    this.conv = conv.map((layer) => (layer instanceof nn.Conv2d ? new DepthwiseWeights(layer) : layer));
    this.out = out;
  }

  forward(mel: MxArray, before: SubsamplingState, isLast: boolean): [MxArray, SubsamplingState] {
    let x = mx.expandDims(mel, -1);
    const after: MxArray[] = [];
    for (const [i, layer] of this.conv.entries()) {
      if (layer instanceof DepthwiseWeights) {
        const past = before[after.length];
        after.push(lastFrame(x));
        const joined = past === undefined ? x : mx.concatenate([past, x], 1);
        const padding = [past === undefined ? 2 : 0, isLast ? 1 : 0, ...BAND_PADDING] as const;
        const relu = this.conv[i + 1] === null;
        x = mx.cpu.stridedDepthwise(joined, layer.weights, biasOf(layer), { relu, padding });
      } else if (layer !== null) {
        x = nn.relu(layer.forward(x));
      }
    }
    return [this.out.forward(flattenedBands(x)), after];
  }
}
