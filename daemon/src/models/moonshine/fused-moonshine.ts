/**
 * The layers of `moonshine-network.ts` in fewer ops, for `nn.fuse`: one product for all projections of an attention; norm,
 * bias, GELU and residual in the pass of the product beside them.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  DecoderLayer,
  WaveformEncoder,
  EncoderLayer,
  gated,
  rotaryAttend,
  type AudioLayer,
  type EncoderMlp,
  type DecoderMlp,
  type RotarySelfAttention,
  type TextLayer,
} from './moonshine-network.js';

/** For `nn.fuse`. */
export const fusedMoonshine: nn.Fusion = (module) => {
  if (module instanceof DecoderLayer) return new FusedDecoderLayer(module);
  if (module instanceof EncoderLayer) return new FusedEncoderLayer(module);
  return module instanceof WaveformEncoder ? nn.retyped(module, FusedWaveformEncoder) : undefined;
};

class FusedRotaryAttention extends nn.Module {
  qkv: nn.AnyLinear;
  out: nn.AnyLinear;
  readonly heads: number;
  readonly rotary: nn.RotaryPositions;

  constructor({ q_proj, k_proj, v_proj, o_proj, heads, rotary }: RotarySelfAttention) {
    super();
    this.qkv = nn.join([q_proj, k_proj, v_proj]);
    this.out = o_proj;
    this.heads = heads;
    this.rotary = rotary;
  }

  /** x + attention(norm(x)) */
  forward(x: MxArray, norm: nn.LayerNorm, cache?: nn.SelfAttentionCache): MxArray {
    const attended = rotaryAttend(this.qkv.fused(x, { norm }), this, cache);
    return this.out.fused(attended, { residual: x });
  }
}

class FusedEncoderLayer extends nn.Module implements AudioLayer {
  attention: FusedRotaryAttention;
  mlp: EncoderMlp;
  attention_norm: nn.LayerNorm;
  mlp_norm: nn.LayerNorm;

  constructor(layer: EncoderLayer) {
    super();
    this.attention = new FusedRotaryAttention(layer.self_attn);
    this.mlp = layer.mlp;
    this.attention_norm = layer.input_layernorm;
    this.mlp_norm = layer.post_attention_layernorm;
  }

  forward(x: MxArray): MxArray {
    x = this.attention.forward(x, this.attention_norm);
    const wide = this.mlp.fc1.fused(x, { norm: this.mlp_norm, gelu: true });
    return this.mlp.fc2.fused(wide, { residual: x });
  }
}

class FusedDecoderLayer extends nn.Module implements TextLayer {
  attention: FusedRotaryAttention;
  cross_query: nn.AnyLinear;
  cross_key_value: nn.AnyLinear;
  cross_out: nn.AnyLinear;
  mlp: DecoderMlp;
  attention_norm: nn.LayerNorm;
  cross_norm: nn.LayerNorm;
  mlp_norm: nn.LayerNorm;

  constructor(layer: DecoderLayer) {
    super();
    const { q_proj, k_proj, v_proj, o_proj } = layer.encoder_attn;
    this.attention = new FusedRotaryAttention(layer.self_attn);
    this.cross_query = q_proj;
    this.cross_key_value = nn.join([k_proj, v_proj]);
    this.cross_out = o_proj;
    this.mlp = layer.mlp;
    this.attention_norm = layer.input_layernorm;
    this.cross_norm = layer.post_attention_layernorm;
    this.mlp_norm = layer.final_layernorm;
  }

  crossKeysValues(features: MxArray): nn.CrossAttentionCache {
    return nn.crossAttentionCache(this.cross_key_value.forward(features), this.attention.heads);
  }

  step(x: MxArray, cache: nn.SelfAttentionCache, audio: nn.CrossAttentionCache): MxArray {
    x = this.attention.forward(x, this.attention_norm, cache);
    const queries = this.cross_query.fused(x, { norm: this.cross_norm });
    x = this.cross_out.fused(nn.crossAttend(queries, audio), { residual: x });
    const wide = gated(this.mlp.fc1.fused(x, { norm: this.mlp_norm }));
    return this.mlp.fc2.fused(wide, { residual: x });
  }
}

class FusedWaveformEncoder extends WaveformEncoder {
  override embed(samples: MxArray): MxArray {
    const x = nn.tanh(this.conv1.forward(mx.expandDims(samples, 2)));
    const normed = this.groupnorm.forward(x);
    return this.conv3.fused(this.conv2.fused(normed, { gelu: true }), { gelu: true });
  }
}
