import { mx, type MxArray } from '../index.js';
import { attend, mergeHeads, splitHeads, splitProjections } from './attention.js';
import { canPack } from './packed.js';

/**
 * Keys and values that a decoder's cross-attention reads in every step: [B, H, T, D] by head, or on the CPU
 * in float16 with the keys in panels and padded values (`mx.cpu.crossAttentionCache`).
 */
export type CrossAttentionCache = readonly [keys: MxArray, values: MxArray];

/** kv [B, T, 2 × H × D], keys before values. */
export function crossAttentionCache(kv: MxArray, heads: number): CrossAttentionCache {
  if (kv.dtype === 'float32' && canPack()) return mx.cpu.crossAttentionCache(kv, heads);
  // One copy lays out both for a single row; for several rows each must be contiguous.
  if (kv.shape[0] === 1)
    return mx.split(mx.contiguous(splitHeads(kv, 2 * heads)), 2, 1) as [MxArray, MxArray];
  return splitProjections(kv, 2, heads).map((part) => mx.contiguous(part)) as [MxArray, MxArray];
}

/** q [B, Nq, H × D] attends to the whole cache → [B, Nq, H × D]. All rows share a cache of batch 1. */
export function crossAttend(q: MxArray, [keys, values]: CrossAttentionCache): MxArray {
  if (keys.ndim === 5) return mx.cpu.crossAttend(q, keys, values);
  const [batch = 1, count = 1, width = 1] = q.shape;
  const shared = batch > 1 && keys.shape[0] === 1;
  const queries = shared ? mx.reshape(q, [1, batch * count, width]) : q;
  const seen = mergeHeads(attend(splitHeads(queries, keys.shape[1] ?? 1), keys, values));
  return shared ? mx.reshape(seen, [batch, count, width]) : seen;
}
