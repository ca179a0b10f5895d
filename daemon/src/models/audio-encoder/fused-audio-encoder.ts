/**
 * The blocks of Whisper in fewer ops, for `nn.fuse`: one product for all projections of an attention; norm, bias, GELU and
 * residual in the pass of the product beside them.
 */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { keyMask, type Attended, type SelfAttention } from './encoder-attention.js';
import { AudioEncoder } from './audio-encoder.js';
import { EncoderBlock, type AudioBlock } from './encoder-block.js';

/** For `nn.fuse`. */
export const fusedAudioEncoder: nn.Fusion = (module) => {
  if (module instanceof EncoderBlock) {
    return new FusedEncoderBlock(module, new FusedSelfAttention(module.attn));
  }
  return module instanceof AudioEncoder ? nn.retyped(module, FusedAudioEncoder) : undefined;
};

export class FusedSelfAttention extends nn.Module {
  qkv: nn.AnyLinear;
  out: nn.AnyLinear;
  readonly heads: number;

  constructor({ query, key, value, out, heads }: SelfAttention) {
    super();
    this.qkv = nn.join([query, key, value]);
    this.out = out;
    this.heads = heads;
  }

  /** x + attention(norm(x)) */
  forward(x: MxArray, norm: nn.LayerNorm, { cache, mask }: Attended = {}): MxArray {
    const qkv = this.qkv.fused(x, { norm });
    const attended = cache ? cache.attend(qkv, this.heads) : nn.selfAttend(qkv, this.heads, keyMask(mask));
    return this.out.fused(attended, { residual: x });
  }
}

export class FusedEncoderBlock extends nn.Module implements AudioBlock {
  attn: FusedSelfAttention;
  attn_ln: nn.LayerNorm;
  mlp1: nn.AnyLinear;
  mlp2: nn.AnyLinear;
  mlp_ln: nn.LayerNorm;

  /** @param attn the fused form of that of the block */
  constructor({ attn_ln, mlp1, mlp2, mlp_ln }: EncoderBlock, attn: FusedSelfAttention) {
    super();
    this.attn = attn;
    this.attn_ln = attn_ln;
    this.mlp1 = mlp1;
    this.mlp2 = mlp2;
    this.mlp_ln = mlp_ln;
  }

  forward(x: MxArray, mask?: MxArray): MxArray {
    return this.mlp(this.attn.forward(x, this.attn_ln, { mask }));
  }

  /** x + mlp(norm(x)) */
  protected mlp(x: MxArray): MxArray {
    return this.mlp2.fused(this.mlp1.fused(x, { norm: this.mlp_ln, gelu: true }), { residual: x });
  }
}

class FusedAudioEncoder extends AudioEncoder {
  override embed(mel: MxArray): MxArray {
    const x = this.conv1.fused(mel, { gelu: true });
    return this.conv2.fused(x, { gelu: true, residual: this.positions(mel.shape[1] ?? 0) });
  }
}
