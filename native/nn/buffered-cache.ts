import { mx, type MxArray } from '../index.js';
import type { DeviceRows, PendingReorder } from './speculative-reorder.js';

/** Positions that a growing buffer has room for are a multiple of this. */
const BUFFER_STEP_POSITIONS = 64;

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
    const { keys, values } = this;
    if (!keys || !values) return;
    this.checkRows(rows);
    const made = mx.tidy((): [MxArray, MxArray] => {
      const order = mx.array(Int32Array.from(rows));
      return [mx.take(keys, order, 0), mx.take(values, order, 0)];
    });
    mx.keep(made);
    mx.eval(...made);
    mx.dispose(keys, values);
    [this.keys, this.values] = made;
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
 * Positions that a buffer is given for `length` filled ones. MLX copies a buffer at every step while the step before it
 * is still queued, which holds the buffer; so a buffer is only as large as the text needs, not as large as it may get.
 */
export function bufferLengthFor(length: number, capacity: number): number {
  return Math.min(capacity, Math.ceil(length / BUFFER_STEP_POSITIONS) * BUFFER_STEP_POSITIONS);
}

/** `buffer` [R, H, room, D] with the first `filled` positions kept and room for `room`; `buffer` is freed. */
export function grow(buffer: MxArray, filled: number, room: number): MxArray {
  const [rows = 0, heads = 0, had = 0, dims = 0] = buffer.shape;
  if (had >= room) return buffer;
  const larger = mx.tidy(() => {
    const empty = mx.zeros([rows, heads, room, dims], buffer.dtype);
    if (filled === 0) return empty;
    const kept = mx.slice(buffer, [0, 0, 0, 0], [rows, heads, filled, dims]);
    return mx.sliceUpdate(empty, kept, [0, 0, 0, 0], [rows, heads, filled, dims]);
  });
  buffer.dispose();
  return mx.keep(larger);
}

/** `update` [R, H, T, D] written into `buffer` [R, H, room, D] from `position` on; `buffer` is freed. */
export function writeInto(buffer: MxArray, update: MxArray, position: number): MxArray {
  const [rows = 0, heads = 0, added = 0, dims = 0] = update.shape;
  const made = mx.sliceUpdate(buffer, update, [0, 0, position, 0], [rows, heads, position + added, dims]);
  buffer.dispose(); // the one other reference, so that MLX may write in place
  return mx.keep(made);
}

/** The first `length` positions of `buffer` [R, H, room, D]: [R, H, length, D] */
export function filledView(buffer: MxArray, length: number): MxArray {
  const [rows = 0, heads = 0, , dims = 0] = buffer.shape;
  return mx.slice(buffer, [0, 0, 0, 0], [rows, heads, length, dims]);
}

/** @throws RangeError unless it is a positive whole number */
export function validateCapacity(capacity: number, cache: string): number {
  if (Number.isSafeInteger(capacity) && capacity > 0) return capacity;
  throw new RangeError(`${cache}: capacity must be a positive whole number, not ${capacity}`);
}
