/**
 * The blocks of `model.ts` in fewer ops, for `nn.fuse`: as in `audio-encoder/fused-audio-encoder.ts`, and on the CPU a whole
 * decoding step in one op.
 */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  fusedAudioEncoder,
  FusedEncoderBlock,
  FusedSelfAttention,
} from '../audio-encoder/fused-audio-encoder.js';
import { DecoderBlock, type KeysValues, type TextBlock, type Whisper } from './model.js';

/** For `nn.fuse`. */
export const fusedWhisper: nn.Fusion = (module) =>
  module instanceof DecoderBlock ? new FusedDecoderBlock(module) : fusedAudioEncoder(module);

/**
 * Turns a decoding step of each block into one op, if the device and the layers support it. Call it once after `nn.fuse`,
 * with evaluated weights.
 */
export function fuseSteps({ decoder }: Whisper): void {
  for (const block of decoder.blocks) if (block instanceof FusedDecoderBlock) block.fuseStep();
}

class FusedDecoderBlock extends FusedEncoderBlock implements TextBlock {
  cross_query: nn.AnyLinear;
  cross_key_value: nn.AnyLinear;
  cross_out: nn.AnyLinear;
  cross_attn_ln: nn.LayerNorm;
  /** A whole step in one op. */
  _step: nn.DecoderStep | undefined;

  constructor(block: DecoderBlock) {
    super(block, new FusedSelfAttention(block.attn));
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
    x = this.attn.forward(x, this.attn_ln, { cache });
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
