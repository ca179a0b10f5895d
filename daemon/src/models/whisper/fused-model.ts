/**
 * The blocks of `model.ts` in fewer ops, for `nn.fuse`: one product for all projections of an attention; norm, bias, GELU and
 * residual in the pass of the product beside them; on the CPU a whole decoding step in one op.
 */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  AudioEncoder,
  DecoderBlock,
  EncoderBlock,
  type AudioBlock,
  type KeysValues,
  type SelfAttention,
  type TextBlock,
  type Whisper,
} from './model.js';

/** For `nn.fuse`. */
export const fusedWhisper: nn.Fusion = (module) => {
  if (module instanceof DecoderBlock) return new FusedDecoderBlock(module);
  if (module instanceof EncoderBlock) return new FusedEncoderBlock(module);
  return module instanceof AudioEncoder ? nn.retyped(module, FusedAudioEncoder) : undefined;
};

/**
 * Turns a decoding step of each block into one op, if the device and the layers support it. Call it once after `nn.fuse`,
 * with evaluated weights.
 */
export function fuseSteps({ decoder }: Whisper): void {
  for (const block of decoder.blocks) if (block instanceof FusedDecoderBlock) block.fuseStep();
}

class FusedSelfAttention extends nn.Module {
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
  forward(x: MxArray, norm: nn.LayerNorm, cache?: nn.SelfAttentionCache): MxArray {
    const qkv = this.qkv.fused(x, { norm });
    const attended = cache ? cache.attend(qkv, this.heads) : nn.selfAttend(qkv, this.heads);
    return this.out.fused(attended, { residual: x });
  }
}

class FusedEncoderBlock extends nn.Module implements AudioBlock {
  attn: FusedSelfAttention;
  attn_ln: nn.LayerNorm;
  mlp1: nn.AnyLinear;
  mlp2: nn.AnyLinear;
  mlp_ln: nn.LayerNorm;

  constructor({ attn, attn_ln, mlp1, mlp2, mlp_ln }: EncoderBlock) {
    super();
    this.attn = new FusedSelfAttention(attn);
    this.attn_ln = attn_ln;
    this.mlp1 = mlp1;
    this.mlp2 = mlp2;
    this.mlp_ln = mlp_ln;
  }

  forward(x: MxArray): MxArray {
    return this.mlp(this.attn.forward(x, this.attn_ln));
  }

  /** x + mlp(norm(x)) */
  protected mlp(x: MxArray): MxArray {
    return this.mlp2.fused(this.mlp1.fused(x, { norm: this.mlp_ln, gelu: true }), { residual: x });
  }
}

class FusedDecoderBlock extends FusedEncoderBlock implements TextBlock {
  cross_query: nn.AnyLinear;
  cross_key_value: nn.AnyLinear;
  cross_out: nn.AnyLinear;
  cross_attn_ln: nn.LayerNorm;
  /** A whole step in one op. */
  _step: nn.DecoderStep | undefined;

  constructor(block: DecoderBlock) {
    super(block);
    const { query, key, value, out } = block.cross_attn;
    this.cross_query = query;
    this.cross_key_value = nn.join([key, value]);
    this.cross_out = out;
    this.cross_attn_ln = block.cross_attn_ln;
  }

  crossKeysValues(features: MxArray): KeysValues {
    return nn.crossAttentionCache(this.cross_key_value.forward(features), this.attn.heads);
  }

  step(x: MxArray, cache: nn.SelfAttentionCache, audio: KeysValues): MxArray {
    return this._step ? this._step.forward(x, cache, audio) : this.stepWithQueries(x, cache, audio)[0];
  }

  stepWithQueries(
    x: MxArray,
    cache: nn.SelfAttentionCache,
    audio: KeysValues,
  ): [x: MxArray, queries: MxArray] {
    x = this.attn.forward(x, this.attn_ln, cache);
    const queries = this.cross_query.fused(x, { norm: this.cross_attn_ln });
    x = this.cross_out.fused(nn.crossAttend(queries, audio), { residual: x });
    return [this.mlp(x), queries];
  }

  fuseStep(): void {
    const { attn, cross_query: query, cross_out: out, mlp1, mlp2 } = this;
    this._step = nn.DecoderStep.of({
      products: [attn.qkv, attn.out, query, out, mlp1, mlp2],
      norms: [this.attn_ln, this.cross_attn_ln, this.mlp_ln],
      heads: attn.heads,
    });
  }
}

class FusedAudioEncoder extends AudioEncoder {
  override embed(mel: MxArray): MxArray {
    const x = this.conv1.fused(mel, { gelu: true });
    return this.conv2.fused(x, { gelu: true, residual: this.positions(mel.shape[1] ?? 0) });
  }
}
