/**
 * The modules of `wav2vec2-network.ts` in fewer ops, for `nn.fuse`: one product for all projections of an attention; norm,
 * bias, GELU and residual in the pass of the product beside them; on the CPU a product for each group of the positional
 * convolution.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { SplitConv1d } from '../layers/split-conv.js';
import {
  ConvLayer,
  Wav2Vec2Layer,
  firstFrames,
  type LanguageAdapter,
  PositionalConv,
  type Wav2Vec2Attention,
  StableWav2Vec2Layer,
} from './wav2vec2-network.js';

/** For `nn.fuse`. */
export const fusedWav2Vec2: nn.Fusion = (module) => {
  if (module instanceof StableWav2Vec2Layer) return new FusedStableLayer(module);
  if (module instanceof Wav2Vec2Layer) return new FusedPostNormLayer(module);
  if (module instanceof ConvLayer) {
    if (module.layer_norm === null) return nn.retyped(module, FusedConvLayer);
    return module.layer_norm instanceof nn.GroupNorm ? new NormalizedConvLayer(module) : undefined;
  }
  if (module instanceof PositionalConv && nn.canPack()) return new SplitPositionalConv(module);
  return undefined;
};

class FusedConvLayer extends ConvLayer {
  override forward(x: MxArray): MxArray {
    return this.conv.fused(x, { gelu: true });
  }
}

/**
 * The first layer with a norm over time. The mean and the variance of an output channel follow from those of the kernel's
 * windows, so the norm is part of the product, and no pass over the wide output.
 */
class NormalizedConvLayer extends nn.Module {
  weight: MxArray; // [outputs, kernel]
  gain: MxArray; // [outputs]
  offset: MxArray; // [outputs]
  readonly stride: number;
  readonly eps: number;

  constructor({ conv, layer_norm: norm }: ConvLayer) {
    super();
    if (!(conv instanceof nn.Conv1d && norm instanceof nn.GroupNorm && norm.weight && norm.bias)) {
      throw new RangeError('not a convolution with a norm over time');
    }
    const [outputs = 0, kernelSize = 0] = conv.weight.shape;
    this.weight = mx.keep(mx.reshape(conv.weight, [outputs, kernelSize]));
    this.gain = norm.weight;
    this.offset = norm.bias;
    this.stride = conv.stride;
    this.eps = norm.eps;
    conv.dispose(); // its bias is taken back by the norm
  }

  /** [1, L, 1] → [1, T, outputs] */
  forward(x: MxArray): MxArray {
    const [, kernelSize = 0] = this.weight.shape;
    const frames = Math.floor(((x.shape[1] ?? 0) - kernelSize) / this.stride) + 1;
    const windows = mx.asStrided(mx.contiguous(x), [frames, kernelSize], [this.stride, 1]);
    const wide = mx.astype(windows, 'float32');
    const centered = mx.subtract(wide, mx.mean(wide, 0, true));
    const covariance = mx.divide(mx.matmul(mx.transpose(centered), centered), frames);
    const weight = mx.astype(this.weight, 'float32');
    const variance = mx.sum(mx.multiply(mx.matmul(weight, covariance), weight), 1);
    const gain = mx.multiply(this.gain, mx.rsqrt(mx.add(variance, this.eps)));
    const scaled = mx.astype(mx.multiply(weight, mx.expandDims(gain, 1)), x.dtype);
    const y = mx.addmm(this.offset, mx.astype(centered, x.dtype), mx.transpose(scaled));
    return nn.gelu(mx.expandDims(y, 0));
  }
}

class SplitPositionalConv extends nn.Module {
  conv: SplitConv1d;

  constructor({ conv }: PositionalConv) {
    super();
    this.conv = new SplitConv1d(conv);
  }

  forward(x: MxArray): MxArray {
    return firstFrames(this.conv.fused(x, { gelu: true }), x.shape[1] ?? 0);
  }
}

class FusedSelfAttention extends nn.Module {
  qkv: nn.AnyLinear;
  out_proj: nn.AnyLinear;
  readonly heads: number;

  constructor({ q_proj: query, k_proj: key, v_proj: value, out_proj: out, heads }: Wav2Vec2Attention) {
    super();
    this.qkv = nn.join([query, key, value]);
    this.out_proj = out;
    this.heads = heads;
  }

  /** x + attention(norm(x)) */
  forward(x: MxArray, norm?: nn.LayerNorm): MxArray {
    const qkv = this.qkv.fused(x, { norm });
    return this.out_proj.fused(nn.selfAttend(qkv, this.heads), { residual: x });
  }
}

abstract class FusedLayer extends nn.Module {
  attention: FusedSelfAttention;
  layer_norm: nn.LayerNorm;
  intermediate_dense: nn.AnyLinear;
  output_dense: nn.AnyLinear;
  final_layer_norm: nn.LayerNorm;

  constructor(layer: Wav2Vec2Layer) {
    super();
    this.attention = new FusedSelfAttention(layer.attention);
    this.layer_norm = layer.layer_norm;
    this.intermediate_dense = layer.feed_forward.intermediate_dense;
    this.output_dense = layer.feed_forward.output_dense;
    this.final_layer_norm = layer.final_layer_norm;
  }

  abstract forward(x: MxArray): MxArray;

  /** x + feed-forward(norm(x)) */
  protected feedForward(x: MxArray, norm?: nn.LayerNorm): MxArray {
    return this.output_dense.fused(this.intermediate_dense.fused(x, { norm, gelu: true }), { residual: x });
  }
}

class FusedPostNormLayer extends FusedLayer {
  forward(x: MxArray): MxArray {
    x = this.layer_norm.forward(this.attention.forward(x));
    return this.final_layer_norm.forward(this.feedForward(x));
  }
}

class FusedStableLayer extends FusedLayer {
  adapter_layer: LanguageAdapter | null;

  constructor(layer: StableWav2Vec2Layer) {
    super(layer);
    this.adapter_layer = layer.adapter_layer;
  }

  forward(x: MxArray): MxArray {
    x = this.feedForward(this.attention.forward(x, this.layer_norm), this.final_layer_norm);
    return this.adapter_layer ? mx.add(x, this.adapter_layer.forward(x)) : x;
  }
}
