/** The pre-norm block of Whisper's encoder, which is also the frame of its decoder's. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { SelfAttention } from './encoder-attention.js';

/** A block of an encoder. */
export interface AudioBlock extends nn.Module {
  /** [B, T, D] → [B, T, D]. `mask`: boolean [B, T], false for padding; none if omitted. */
  forward(x: MxArray, mask?: MxArray): MxArray;
}

export class EncoderBlock extends nn.Module implements AudioBlock {
  attn: SelfAttention;
  attn_ln: nn.LayerNorm;
  mlp1: nn.AnyLinear;
  mlp2: nn.AnyLinear;
  mlp_ln: nn.LayerNorm;

  constructor(dims: number, attn: SelfAttention) {
    super();
    this.attn = attn;
    this.attn_ln = new nn.LayerNorm(dims);
    this.mlp1 = new nn.Linear(dims, dims * 4);
    this.mlp2 = new nn.Linear(dims * 4, dims);
    this.mlp_ln = new nn.LayerNorm(dims);
  }

  forward(x: MxArray, mask?: MxArray): MxArray {
    x = mx.add(x, this.attn.forward(this.attn_ln.forward(x), { mask }));
    return mx.add(x, this.mlp(this.mlp_ln.forward(x)));
  }

  protected mlp(x: MxArray): MxArray {
    return this.mlp2.forward(nn.gelu(this.mlp1.forward(x)));
  }
}
