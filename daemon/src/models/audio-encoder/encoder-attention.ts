/** Multi-head attention of Whisper's blocks. Fields carry the names of the checkpoint's tensors. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** The projections of self-attention and of cross-attention. */
export abstract class AttentionProjections extends nn.Module {
  query: nn.AnyLinear;
  key: nn.AnyLinear;
  value: nn.AnyLinear;
  out: nn.AnyLinear;

  constructor(
    dims: number,
    readonly heads: number,
  ) {
    super();
    this.query = new nn.Linear(dims, dims);
    this.key = new nn.Linear(dims, dims, { bias: false }); // a bias on keys would cancel in the softmax
    this.value = new nn.Linear(dims, dims);
    this.out = new nn.Linear(dims, dims);
  }
}

/** What a self-attention sees: the positions before x, or a part of x. */
export interface Attended {
  /** Of the positions before x; attention is causal then. */
  readonly cache?: nn.SelfAttentionCache;
  /** Boolean [B, T], false for padding. All of x if omitted. */
  readonly mask?: MxArray | undefined;
}

export class SelfAttention extends AttentionProjections {
  /** x [B, T, D] → [B, T, D] */
  forward(x: MxArray, { cache, mask }: Attended = {}): MxArray {
    const qkv = concatenated(this.query.forward(x), this.key.forward(x), this.value.forward(x));
    return this.out.forward(
      cache ? cache.attend(qkv, this.heads) : nn.selfAttend(qkv, this.heads, keyMask(mask)),
    );
  }
}

/** Boolean [B, T] for the keys of all heads and queries: [B, 1, 1, T] */
export function keyMask(mask: MxArray | undefined): MxArray | undefined {
  return mask && mx.reshape(mask, [mask.shape[0] ?? 0, 1, 1, mask.shape[1] ?? 0]);
}

/** Projections [B, T, D] side by side. */
export function concatenated(...projections: MxArray[]): MxArray {
  return mx.concatenate(projections, 2);
}
