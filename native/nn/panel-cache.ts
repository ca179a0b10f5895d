import { mx, type MxArray } from '../index.js';
import { reordered } from './reordered.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

const PANEL = 16;

/** The buffers of a cache, and the position of the first new token. */
export interface Claim {
  readonly keys: MxArray; // [B, H, capacity / 16, D, 16]
  readonly values: MxArray; // [B, H, capacity, D]
  readonly offset: number;
}

/**
 * A cache in the layout of the CPU kernels. A step is one op that writes into the buffers in place, in the order in
 * which steps are evaluated: evaluate each before the next is made, or make the next depend on it, as a decoder does.
 * After `reset` or `trim` the old contents are simply written over.
 */
export class PanelCache implements SelfAttentionCache {
  readonly capacity: number; // a multiple of 16
  #length = 0;
  #keys: MxArray | undefined; // [B, H, capacity / 16, D, 16]
  #values: MxArray | undefined; // [B, H, capacity, D]

  /** @param capacity positions that fit; rounded up to a multiple of 16 */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`PanelCache: capacity must be a positive whole number, not ${capacity}`);
    }
    this.capacity = Math.ceil(capacity / PANEL) * PANEL;
  }

  get length(): number {
    return this.#length;
  }

  get batch(): number {
    return this.#keys?.shape[0] ?? 0;
  }

  attend(qkv: MxArray, heads: number): MxArray {
    const [batch = 0, added = 0, width = 0] = qkv.shape;
    const { keys, values, offset } = this.claim(batch, heads, width / 3 / heads, added);
    return mx.cpu.attendCached(qkv, keys, values, offset);
  }

  /**
   * Room for `added` positions, which from here on count as filled: an op that takes the buffers writes them.
   *
   * @throws RangeError if they do not fit; the cache is then as it was.
   */
  claim(batch: number, heads: number, dims: number, added: number): Claim {
    const offset = this.#length;
    if (offset + added > this.capacity) {
      throw new RangeError(
        `PanelCache: ${offset} + ${added} positions exceed the capacity of ${this.capacity}`,
      );
    }
    const [keys, values] = this.#buffers(batch, heads, dims);
    this.#length += added;
    return { keys, values, offset };
  }

  reorder(rows: readonly number[]): void {
    if (!this.#keys || !this.#values) return;
    const [keys, values] = reordered([this.#keys, this.#values], rows);
    mx.dispose(this.#keys, this.#values);
    [this.#keys, this.#values] = [keys, values];
  }

  trim(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.#length) {
      throw new RangeError(`PanelCache: cannot trim ${count} of ${this.#length} positions`);
    }
    this.#length -= count;
  }

  reset(): void {
    this.#length = 0;
  }

  dispose(): void {
    this.#keys?.dispose();
    this.#values?.dispose();
    this.#keys = this.#values = undefined;
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #buffers(batch: number, heads: number, dims: number): [keys: MxArray, values: MxArray] {
    const has = this.#values?.shape;
    if (this.#keys && this.#values && has?.[0] === batch && has[1] === heads && has[3] === dims) {
      return [this.#keys, this.#values];
    }
    if (this.#length > 0) {
      throw new RangeError(
        `PanelCache: ${batch} × ${heads} × ${dims} do not fit the cache's [${has?.join(', ')}]`,
      );
    }
    this.dispose();
    const { capacity } = this;
    this.#keys = mx.keep(mx.zeros([batch, heads, capacity / PANEL, dims, PANEL]));
    this.#values = mx.keep(mx.zeros([batch, heads, capacity, dims]));
    mx.eval(this.#keys, this.#values); // written in place, so they have to be there
    return [this.#keys, this.#values];
  }
}
