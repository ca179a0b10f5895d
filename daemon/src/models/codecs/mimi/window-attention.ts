/** Causal attention over a window: a query sees itself and the positions before it, as many as the window has. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from '../layers/chunk-pass.js';

export interface WindowOptions {
  readonly heads: number;
  /** Positions that a query sees, its own included. */
  readonly window: number;
  readonly ropeBase: number;
}

/**
 * @param qkv queries, keys and values of a chunk [B, T, 3 H D]; half-split rotary positions
 * @param pass of a stream; without one the chunk is the whole signal
 * @returns [B, T, H D]
 */
export function attendInWindow(
  qkv: MxArray,
  { heads, window, ropeBase }: WindowOptions,
  pass?: ChunkPass,
): MxArray {
  const [, frames = 0, width = 0] = qkv.shape;
  const dims = width / (3 * heads);
  const position = pass?.advance(frames) ?? 0;
  const [queriesKeys, values] = mx.split(nn.splitHeads(qkv, 3 * heads), [2 * heads], 1) as [MxArray, MxArray];
  const options = { traditional: false, base: ropeBase, offset: position };
  const [queries, keys] = mx.split(mx.fast.rope(queriesKeys, dims, options), 2, 1) as [MxArray, MxArray];
  const own = mx.concatenate([keys, values], 3); // [B, H, T, 2 D]
  const all = pass
    ? pass.exchange((before) => {
        const joined = before ? mx.concatenate([before, own], 2) : own;
        return [joined, lastPositions(joined, window - 1)];
      })
    : own;
  const [seenKeys, seenValues] = mx.split(all, 2, 3) as [MxArray, MxArray];
  const mask = windowMask(frames, all.shape[2] ?? 0, window);
  return nn.mergeHeads(nn.attend(queries, seenKeys, seenValues, { mask }));
}

/** The last positions of x [B, H, T, D], at most `count`. */
function lastPositions(x: MxArray, count: number): MxArray {
  const [batch = 0, heads = 0, length = 0, dims = 0] = x.shape;
  return mx.slice(x, [0, 0, Math.max(0, length - count), 0], [batch, heads, length, dims]);
}

/** Additive [frames, length]; the last query and the last key have the same position. */
function windowMask(frames: number, length: number, window: number): MxArray | 'causal' {
  if (length <= window) return 'causal';
  const mask = new Float32Array(frames * length);
  for (let i = 0; i < frames; i++) {
    const own = length - frames + i;
    const row = mask.subarray(i * length, (i + 1) * length);
    row.fill(-Infinity, 0, Math.max(0, own - window + 1));
    row.fill(-Infinity, own + 1);
  }
  return mx.array(mask, [frames, length]);
}
