import { mx, type MxArray } from '../index.js';
import { mergeHeads, splitHeads } from './attention.js';

/** Rotation of adjacent pairs in the first `dims` features of each head: pair i turns by base^(-2 i / dims) a position. */
export interface RotaryPositions {
  readonly dims: number;
  readonly base: number;
}

/** Rotates x [B, T, H × D] at the positions from `start` (arXiv 2104.09864) → the same shape. */
export function rotateHeads(
  x: MxArray,
  heads: number,
  { dims, base }: RotaryPositions,
  start: number,
): MxArray {
  const rotated = mx.fast.rope(splitHeads(x, heads), dims, { traditional: true, base, offset: start });
  return mergeHeads(rotated);
}

/** Rotates the queries and keys of packed projections [B, T, 3 × H × D]. */
export function rotateQkv(qkv: MxArray, heads: number, rotary: RotaryPositions, start: number): MxArray {
  const width = (qkv.shape[2] ?? 0) / 3;
  const [queriesKeys, values] = mx.split(qkv, [2 * width], 2) as [MxArray, MxArray];
  return mx.concatenate([rotateHeads(queriesKeys, 2 * heads, rotary, start), values], 2);
}
