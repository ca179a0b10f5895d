/**
 * The encoder in fewer ops, for `nn.fuse` on the CPU: one product for queries, keys and values; norms, activations, factors and
 * residuals in the pass of the product beside them; kernels for relative attention and depthwise convolutions.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { ConformerBlock, type AnyConformerBlock, type FeedForward } from './conformer-block.js';
import { biasOf, DepthwiseWeights } from './depthwise-weights.js';
import type { FramePlaces } from './relative-attention.js';
import { Subsampling, type AnySubsampling } from './subsampling.js';

/** For `nn.fuse`. Other devices compute the plain layers. */
export const fusedConformer: nn.Fusion = (module) => {
  if (!nn.canPack()) return undefined;
  if (module instanceof ConformerBlock) return new FusedConformerBlock(module);
  return module instanceof Subsampling ? new FusedSubsampling(module) : undefined;
};

class FusedConformerBlock extends nn.Module implements AnyConformerBlock {
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
  pointwise_conv2: nn.AnyLinear;
  norm_feed_forward2: nn.LayerNorm;
  feed_forward2: FeedForward;
  norm_out: nn.LayerNorm;

  constructor(block: ConformerBlock) {
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
    this.pointwise_conv2 = conv.pointwise_conv2;
    this.norm_feed_forward2 = block.norm_feed_forward2;
    this.feed_forward2 = block.feed_forward2;
    this.norm_out = block.norm_out;
  }

  forward(x: MxArray, { sinusoids, back, padding }: FramePlaces): MxArray {
    if (padding !== undefined) throw new RangeError('the kernels take sequences of one length');
    x = halfFeedForward(x, this.norm_feed_forward1, this.feed_forward1);
    const qkv = this.qkv.fused(x, { norm: this.norm_self_att });
    const distances = this.linear_pos.forward(sinusoids);
    const attended = mx.cpu.relativeAttention(qkv, distances, this.pos_bias_u, this.pos_bias_v, { back });
    x = this.linear_out.fused(attended, { residual: x });
    const { depthwise_conv: kernel } = this;
    const doubled = this.pointwise_conv1.fused(x, { norm: this.norm_conv });
    x = this.pointwise_conv2.fused(mx.cpu.gatedDepthwise(doubled, kernel.weights, biasOf(kernel)), {
      residual: x,
    });
    x = halfFeedForward(x, this.norm_feed_forward2, this.feed_forward2);
    return this.norm_out.forward(x);
  }
}

/** x + ½ feedForward(norm(x)) */
export function halfFeedForward(x: MxArray, norm: nn.LayerNorm, { linear1, linear2 }: FeedForward): MxArray {
  return linear2.fused(linear1.fused(x, { norm, silu: true }), { scale: 0.5, residual: x });
}

class FusedSubsampling extends nn.Module implements AnySubsampling {
  conv: (DepthwiseWeights | nn.AnyLinear | null)[];
  out: nn.AnyLinear;

  constructor({ conv, out }: Subsampling) {
    super();
    this.conv = conv.map((layer) => (layer instanceof nn.Conv2d ? new DepthwiseWeights(layer) : layer));
    this.out = out;
  }

  forward(mel: MxArray): MxArray {
    let x = mx.expandDims(mel, -1);
    for (const [i, layer] of this.conv.entries()) {
      if (layer instanceof DepthwiseWeights) {
        const relu = this.conv[i + 1] === null;
        x = mx.cpu.stridedDepthwise(x, layer.weights, biasOf(layer), { relu });
      } else if (layer !== null) {
        x = nn.relu(layer.forward(x));
      }
    }
    const [batch = 0, frames = 0, bands = 0, channels = 0] = x.shape;
    return this.out.forward(mx.reshape(mx.transpose(x, [0, 1, 3, 2]), [batch, frames, channels * bands]));
  }
}
