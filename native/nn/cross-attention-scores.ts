import { mx, type MxArray } from '../index.js';
import { splitHeads } from './attention.js';
import type { CrossAttentionCache } from './cross-attention.js';

/**
 * Attention scores before the softmax for the given heads: q [B, Nq, H × D] → float32 [B, heads, Nq, length],
 * scaled by 1 / √D. `crossAttend` never materializes them.
 *
 * @param length number of positions, from the first
 */
export function crossAttentionScores(
  q: MxArray,
  [keys, values]: CrossAttentionCache,
  heads: readonly number[],
  length = values.shape[2] ?? 0,
): MxArray {
  const [batch = 1, allHeads = 1, positions = 0] = values.shape;
  const width = keys.shape[3] ?? 1;
  if (length > positions) throw new RangeError(`memoryScores: ${length} of ${positions} positions`);
  const picked = mx.array(Int32Array.from(heads));
  const chosen = mx.take(keys, picked, 1);
  const columns =
    keys.ndim === 5 // [B, heads, ⌈T / 16⌉, D, 16]
      ? mx.reshape(mx.transpose(chosen, [0, 1, 3, 2, 4]), [batch, heads.length, width, -1])
      : mx.transpose(chosen, [0, 1, 3, 2]); // [B, heads, D, T]
  const cropped = mx.slice(columns, [0, 0, 0, 0], [batch, heads.length, width, length]);
  const queries = mx.multiply(mx.take(splitHeads(q, allHeads), picked, 1), width ** -0.5);
  return mx.matmul(queries.astype('float32'), cropped.astype('float32'));
}
