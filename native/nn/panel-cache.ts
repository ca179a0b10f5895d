import { mx, type MxArray } from '../index.js';
import { BufferedCache, validateCapacity } from './buffered-cache.js';
import type { RotaryPositions } from './rotary-positions.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

const PANEL = 16;

/** The buffers of a cache and the position of the first new token. */
interface Reservation {
  readonly keys: MxArray; // [B, H, capacity / 16, D, 16]
  readonly values: MxArray; // [B, H, capacity, ⌈D / 16⌉ 16]
  readonly offset: number;
}

/**
 * A cache in the layout of the CPU kernels: keys [B, H, capacity / 16, D, 16], values [B, H, capacity, ⌈D / 16⌉ 16]. A
 * step is one op that writes in place, in evaluation order: evaluate each step before creating the next, or
 * make the next depend on it, as a decoder does. After `reset` or `trim` the old contents are overwritten.
 */
export class PanelCache extends BufferedCache implements SelfAttentionCache {
  /** @param capacity maximum number of positions; rounded up to a multiple of 16 */
  constructor(capacity: number) {
    super(Math.ceil(validateCapacity(capacity, 'PanelCache') / PANEL) * PANEL);
  }

  attend(qkv: MxArray, heads: number, rotary?: RotaryPositions): MxArray {
    const [batch = 0, added = 0, width = 0] = qkv.shape;
    const { keys, values, offset } = this.reserve(batch, heads, width / 3 / heads, added);
    const rotation = rotary ? { rotaryDims: rotary.dims, rotaryBase: rotary.base } : {};
    return mx.cpu.attendCached(qkv, keys, values, offset, rotation);
  }

  /** Copies only the filled positions: beams fork at almost every token. */
  override reorder(rows: readonly number[]): void {
    const { keys, values } = this;
    if (!keys || !values) return;
    this.checkRows(rows);
    const updated = mx.keep(mx.tidy(() => mx.cpu.reorderCache(keys, values, rows, this.filled)));
    mx.eval(...updated); // later steps write in place
    mx.dispose(keys, values);
    [this.keys, this.values] = updated;
  }

  /**
   * Reserves `added` positions, which count as filled at once: the op that takes the buffers must write them.
   *
   * @throws RangeError if they do not fit; the cache is then unchanged
   */
  reserve(batch: number, heads: number, dims: number, added: number): Reservation {
    const offset = this.filled;
    this.checkRoom(added);
    const [keys, values] = this.#buffers(batch, heads, dims);
    this.filled += added;
    return { keys, values, offset };
  }

  #buffers(batch: number, heads: number, dims: number): [keys: MxArray, values: MxArray] {
    const has = this.keys?.shape;
    if (this.keys && this.values && has?.[0] === batch && has[1] === heads && has[3] === dims) {
      return [this.keys, this.values];
    }
    if (this.filled > 0) {
      throw new RangeError(
        `PanelCache: ${batch} × ${heads} × ${dims} do not fit the cache's [${has?.join(', ')}]`,
      );
    }
    this.dispose();
    const { capacity } = this;
    this.keys = mx.keep(mx.zeros([batch, heads, capacity / PANEL, dims, PANEL]));
    this.values = mx.keep(mx.zeros([batch, heads, capacity, Math.ceil(dims / PANEL) * PANEL]));
    mx.eval(this.keys, this.values); // ops write in place, so the buffers must exist
    return [this.keys, this.values];
  }
}
