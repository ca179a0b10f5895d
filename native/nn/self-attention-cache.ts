import type { MxArray } from '../index.js';
import { JointCache } from './joint-cache.js';
import { canPack } from './packed.js';
import { PanelCache } from './panel-cache.js';
import type { DeviceRows, PendingReorder } from './speculative-reorder.js';

/** The positions that one block of a decoder has seen so far. */
export interface SelfAttentionCache {
  /** Positions filled; also the position of the next token. */
  readonly length: number;
  /** Rows of the batch; 0 before the first `attend`. */
  readonly batch: number;
  /**
   * Appends the keys and values of new positions and lets their queries attend, causally, to all that is filled:
   * qkv [B, T, 3 × H × D], queries before keys before values → [B, T, H × D].
   *
   * @throws RangeError if they do not fit; the cache is then as it was.
   */
  attend(qkv: MxArray, heads: number): MxArray;
  /**
   * Makes row i of the batch what row `rows[i]` is now: beams that go on, are dropped or fork. The batch becomes as large
   * as `rows`. Between steps, not within one.
   */
  reorder(rows: readonly number[]): void;
  /**
   * As `reorder`, by rows that are still on the device: nothing is waited for. Steps that follow write into buffers of
   * their own, so that `revert` finds the old ones untouched, whatever ran meanwhile. One at a time.
   */
  reorderSpeculatively(rows: DeviceRows): PendingReorder;
  /** Forgets the last `count` positions. */
  trim(count: number): void;
  /** Forgets everything but keeps the buffers. */
  reset(): void;
  /** Frees the buffers. */
  dispose(): void;
}

/** The cache for the device at hand. @param capacity positions that fit */
export function selfAttentionCache(capacity: number): SelfAttentionCache {
  return canPack() ? new PanelCache(capacity) : new JointCache(capacity);
}
