import { mx, type MxArray } from '../index.js';
import type { DeviceRows, PendingReorder } from './speculative-reorder.js';

/** Buffers grow in multiples of this. */
const BUFFER_STEP_POSITIONS = 64;

/**
 * Base of caches with a fixed capacity: buffers for keys and values, allocated once the shape is known, and
 * the number of filled positions. The cache owns the buffers, which live outside `tidy` scopes.
 */
export abstract class BufferedCache {
  protected keys: MxArray | undefined;
  protected values: MxArray | undefined;
  protected filled = 0;

  /** @param capacity maximum number of positions */
  protected constructor(readonly capacity: number) {}

  /** Filled positions; also the position of the next token. */
  get length(): number {
    return this.filled;
  }

  /** Rows of the batch; 0 before the buffers exist. */
  get batch(): number {
    return this.keys?.shape[0] ?? 0;
  }

  /** See SelfAttentionCache. Evaluates the new buffers at once, since later steps write in place. */
  reorder(rows: readonly number[]): void {
    const { keys, values } = this;
    if (!keys || !values) return;
    this.checkRows(rows);
    const updated = mx.tidy((): [MxArray, MxArray] => {
      const order = mx.array(Int32Array.from(rows));
      return [mx.take(keys, order, 0), mx.take(values, order, 0)];
    });
    mx.keep(updated);
    mx.eval(...updated);
    mx.dispose(keys, values);
    [this.keys, this.values] = updated;
  }

  /** See SelfAttentionCache. */
  reorderSpeculatively({ rows }: DeviceRows): PendingReorder {
    const { keys, values, filled } = this;
    if (!keys || !values) throw new RangeError(`${this.constructor.name}: an empty cache has no rows`);
    this.keys = mx.keep(mx.take(keys, rows, 0));
    this.values = mx.keep(mx.take(values, rows, 0));
    return {
      commit: () => {
        mx.dispose(keys, values);
      },
      revert: () => {
        mx.dispose([this.keys, this.values].filter((buffer) => buffer !== undefined));
        [this.keys, this.values, this.filled] = [keys, values, filled];
      },
    };
  }

  /** Removes the last `count` positions. */
  trim(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.filled) {
      throw new RangeError(`${this.constructor.name}: cannot trim ${count} of ${this.filled} positions`);
    }
    this.filled -= count;
  }

  /** Empties the cache but keeps the buffers for the next window, which may have another batch size. */
  reset(): void {
    this.filled = 0;
  }

  /** Frees the buffers. The next step allocates new ones. */
  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
    this.keys = this.values = undefined;
    this.filled = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @throws RangeError unless each of `rows` is a row of the batch */
  protected checkRows(rows: readonly number[]): void {
    const { batch } = this;
    if (rows.length === 0 || rows.some((row) => !Number.isSafeInteger(row) || row < 0 || row >= batch)) {
      throw new RangeError(`a cache of batch ${batch} has no rows ${rows.join(', ')}`);
    }
  }

  /** @throws RangeError if `added` positions do not fit */
  protected checkRoom(added: number): void {
    if (this.filled + added <= this.capacity) return;
    throw new RangeError(
      `${this.constructor.name}: ${this.filled} + ${added} positions exceed the capacity of ${this.capacity}`,
    );
  }
}

/**
 * Positions to allocate for `length` filled ones. MLX copies a buffer in every step while the previous step
 * is still queued and holds it; so a buffer is only as large as the text, not as the capacity.
 */
export function bufferLengthFor(length: number, capacity: number): number {
  return Math.min(capacity, Math.ceil(length / BUFFER_STEP_POSITIONS) * BUFFER_STEP_POSITIONS);
}

/** Grows `buffer` [R, H, room, D] to `room` positions, keeps the first `filled` and frees the old buffer. */
export function grow(buffer: MxArray, filled: number, room: number): MxArray {
  const [rows = 0, heads = 0, oldLength = 0, dims = 0] = buffer.shape;
  if (oldLength >= room) return buffer;
  const larger = mx.tidy(() => {
    const empty = mx.zeros([rows, heads, room, dims], buffer.dtype);
    if (filled === 0) return empty;
    const kept = mx.slice(buffer, [0, 0, 0, 0], [rows, heads, filled, dims]);
    return mx.sliceUpdate(empty, kept, [0, 0, 0, 0], [rows, heads, filled, dims]);
  });
  buffer.dispose();
  return mx.keep(larger);
}

/** Writes `update` [R, H, T, D] into `buffer` [R, H, room, D] from `position` and frees the old handle. */
export function writeInto(buffer: MxArray, update: MxArray, position: number): MxArray {
  const [rows = 0, heads = 0, added = 0, dims = 0] = update.shape;
  const updated = mx.sliceUpdate(buffer, update, [0, 0, position, 0], [rows, heads, position + added, dims]);
  buffer.dispose(); // drops the other reference, so that MLX may write in place
  return mx.keep(updated);
}

/** A view of the first `length` positions of `buffer` [R, H, room, D]: [R, H, length, D] */
export function filledView(buffer: MxArray, length: number): MxArray {
  const [rows = 0, heads = 0, , dims = 0] = buffer.shape;
  return mx.slice(buffer, [0, 0, 0, 0], [rows, heads, length, dims]);
}

/** @throws RangeError unless it is a positive integer */
export function validateCapacity(capacity: number, cache: string): number {
  if (Number.isSafeInteger(capacity) && capacity > 0) return capacity;
  throw new RangeError(`${cache}: capacity must be a positive integer, not ${capacity}`);
}
