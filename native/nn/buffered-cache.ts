import { mx, type MxArray } from '../index.js';

/**
 * What caches of a fixed capacity have in common: buffers for keys and values, made when the shape is known, and the
 * number of positions filled. The buffers are lifted out of `tidy` scopes and belong to the cache.
 */
export abstract class BufferedCache {
  protected keys: MxArray | undefined;
  protected values: MxArray | undefined;
  protected filled = 0;

  /** @param capacity positions that fit */
  protected constructor(readonly capacity: number) {}

  /** Positions filled; also the position of the next token. */
  get length(): number {
    return this.filled;
  }

  /** Rows of the batch; 0 before there are buffers. */
  get batch(): number {
    return this.keys?.shape[0] ?? 0;
  }

  /** See SelfAttentionCache. The new buffers are evaluated at once: they are written in place. */
  reorder(rows: readonly number[]): void {
    const { keys, values, batch } = this;
    if (!keys || !values) return;
    if (rows.length === 0 || rows.some((row) => !Number.isSafeInteger(row) || row < 0 || row >= batch)) {
      throw new RangeError(`a cache of batch ${batch} has no rows ${rows.join(', ')}`);
    }
    const made = mx.tidy((): [MxArray, MxArray] => {
      const order = mx.array(Int32Array.from(rows));
      return [mx.take(keys, order, 0), mx.take(values, order, 0)];
    });
    mx.keep(made);
    mx.eval(...made);
    mx.dispose(keys, values);
    [this.keys, this.values] = made;
  }

  /** Forgets the last `count` positions. */
  trim(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.filled) {
      throw new RangeError(`${this.constructor.name}: cannot trim ${count} of ${this.filled} positions`);
    }
    this.filled -= count;
  }

  /** Forgets everything but keeps the buffers for the next window; that may have another batch size. */
  reset(): void {
    this.filled = 0;
  }

  /** Frees the buffers. New ones are made when they are needed. */
  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
    this.keys = this.values = undefined;
    this.filled = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws RangeError if `added` positions do not fit */
  protected needRoom(added: number): void {
    if (this.filled + added <= this.capacity) return;
    throw new RangeError(
      `${this.constructor.name}: ${this.filled} + ${added} positions exceed the capacity of ${this.capacity}`,
    );
  }
}

/** @throws RangeError unless it is a positive whole number */
export function checkedCapacity(capacity: number, cache: string): number {
  if (Number.isSafeInteger(capacity) && capacity > 0) return capacity;
  throw new RangeError(`${cache}: capacity must be a positive whole number, not ${capacity}`);
}
