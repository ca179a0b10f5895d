import type { MxArray } from '../index.js';
import { JointCache } from './joint-cache.js';
import { canPack } from './packed.js';
import { PanelCache } from './panel-cache.js';
import type { RotaryPositions } from './rotary-positions.js';
import type { DeviceRows, PendingReorder } from './speculative-reorder.js';

/** Keys and values of the positions that one decoder block has processed. */
export interface SelfAttentionCache {
  /** Positions filled; also the position of the next token. */
  readonly length: number;
  /** Rows of the batch; 0 before the first `attend`. */
  readonly batch: number;
  /**
   * Appends the keys and values of new positions; their queries attend causally to all filled positions: qkv
   * [B, T, 3 × H × D], queries before keys before values → [B, T, H × D].
   *
   * @param rotary rotates queries and keys first
   * @throws RangeError if they do not fit; the cache is then unchanged
   */
  attend(qkv: MxArray, heads: number, rotary?: RotaryPositions): MxArray;
  /**
   * Replaces row i of the batch by row `rows[i]`: beams that continue, end or fork. The batch size becomes
   * `rows.length`. Call it between steps.
   */
  reorder(rows: readonly number[]): void;
  /**
   * As `reorder`, with rows that are still on the device, so nothing waits. Later steps write into new
   * buffers, so that `revert` finds the old ones unchanged. Only one may be pending.
   */
  reorderSpeculatively(rows: DeviceRows): PendingReorder;
  /** Removes the last `count` positions. */
  trim(count: number): void;
  /** Empties the cache but keeps the buffers. */
  reset(): void;
  dispose(): void;
}

/** The cache for the current device. @param capacity maximum number of positions */
export function selfAttentionCache(capacity: number): SelfAttentionCache {
  return canPack() ? new PanelCache(capacity) : new JointCache(capacity);
}
