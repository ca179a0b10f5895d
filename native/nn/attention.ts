/** Multi-head attention on MLX's fused kernel (softmax in float32). */
import { mx, type Dtype, type MxArray } from '../index.js';
import type { KVCache } from './kv-cache.js';
import { Linear } from './linear.js';
import { Module } from './module.js';
import type { AnyLinear } from './quantized.js';

/**
 * 'causal': query i of Q attends to keys 0 … K - Q + i, so with a cache the last query attends to all. An
 * array is added to the scores; a boolean array keeps the scores where it is true. It broadcasts to [B, H, Q,
 * K].
 */
export type AttentionMask = MxArray | 'causal';

/** [B, T, H × D] → [B, H, T, D] */
export function splitHeads(x: MxArray, heads: number): MxArray {
  const [batch = 0, length = 0, dims = 0] = x.shape;
  if (dims % heads !== 0) throw new RangeError(`${dims} dims do not divide into ${heads} heads`);
  if (length === 1) return mx.reshape(x, [batch, heads, 1, dims / heads]); // already in this order
  return mx.transpose(mx.reshape(x, [batch, length, heads, dims / heads]), [0, 2, 1, 3]);
}

/** [B, H, T, D] → [B, T, H × D] */
export function mergeHeads(x: MxArray): MxArray {
  const [batch = 0, heads = 0, length = 0, dims = 0] = x.shape;
  if (length === 1) return mx.reshape(x, [batch, 1, heads * dims]);
  return mx.reshape(mx.transpose(x, [0, 2, 1, 3]), [batch, length, heads * dims]);
}

/**
 * softmax(scale q kᵀ + mask) v on split heads: q [B, H, Q, D], k [B, Hkv, K, D], v [B, Hkv, K, Dv] → [B, H,
 * Q, Dv]. Hkv divides H. `scale` defaults to 1/√D.
 */
export function attend(
  q: MxArray,
  k: MxArray,
  v: MxArray,
  { mask, scale = (q.shape.at(-1) ?? 1) ** -0.5 }: { mask?: AttentionMask | undefined; scale?: number } = {},
): MxArray {
  return mx.fast.scaledDotProductAttention(q, k, v, mask === undefined ? { scale } : { scale, mask });
}

/** Self-attention on packed queries, keys and values, with or without a mask: [B, T, 3 × H × D] → [B, T, H × D] */
export function selfAttend(qkv: MxArray, heads: number, mask?: AttentionMask): MxArray {
  const [q, k, v] = splitProjections(qkv, 3, heads) as [MxArray, MxArray, MxArray];
  return mergeHeads(attend(q, k, v, { mask }));
}

/** Splits packed projections [B, T, parts × H × D] into views [B, H, T, D] of the same memory. */
export function splitProjections(x: MxArray, parts: number, heads: number): MxArray[] {
  return mx.split(splitHeads(x, parts * heads), parts, 1);
}

/** Additive causal mask [length, length]: 0 on and below the diagonal, -∞ above. */
export function causalMask(length: number, dtype: Dtype = 'float32'): MxArray {
  return mx.tidy(() => mx.triu(mx.full([length, length], -Infinity, dtype), 1));
}

/** Four projections and `attend`, with the parameter names of mlx.nn. */
export class MultiHeadAttention extends Module {
  query_proj: AnyLinear;
  key_proj: AnyLinear;
  value_proj: AnyLinear;
  out_proj: AnyLinear;
  readonly heads: number;

  constructor(dims: number, heads: number, { bias = false }: { bias?: boolean } = {}) {
    super();
    if (dims % heads !== 0) throw new RangeError(`${dims} dims do not divide into ${heads} heads`);
    this.query_proj = new Linear(dims, dims, { bias });
    this.key_proj = new Linear(dims, dims, { bias });
    this.value_proj = new Linear(dims, dims, { bias });
    this.out_proj = new Linear(dims, dims, { bias });
    this.heads = heads;
  }

  /** queries [B, Q, D], keys and values [B, K, D] → [B, Q, D]. A cache appends the keys and values. */
  forward(
    queries: MxArray,
    keys: MxArray,
    values: MxArray,
    { mask, cache }: { mask?: AttentionMask; cache?: KVCache } = {},
  ): MxArray {
    const q = splitHeads(this.query_proj.forward(queries), this.heads);
    let k = splitHeads(this.key_proj.forward(keys), this.heads);
    let v = splitHeads(this.value_proj.forward(values), this.heads);
    if (cache) [k, v] = cache.update(k, v);
    return this.out_proj.forward(mergeHeads(attend(q, k, v, { mask })));
  }
}
