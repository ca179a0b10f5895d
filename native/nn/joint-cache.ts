import { mx, type MxArray } from '../index.js';
import { appendQkv, canAppendInPlace } from './append-in-place.js';
import { attend, mergeHeads } from './attention.js';
import { BufferedCache, validateCapacity, grow, bufferLengthFor } from './buffered-cache.js';
import { rotateQkv, type RotaryPositions } from './rotary-positions.js';
import type { DeviceRows, PendingReorder } from './speculative-reorder.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

/**
 * Keys and values of the positions decoded so far, in one buffer [2 × B, H, room, D]: the keys of all rows
 * before the values of all rows. A step is therefore one op, and its views have the layout that MLX's
 * attention reads. The buffer is allocated once its shape is known and grows by 64 positions up to the
 * capacity. Steps write in place, in order, even while earlier steps are queued: after `reset` or `trim` old
 * contents are overwritten and older views change. As with `KVCache`, wrap each step in `tidy` and evaluate
 * its result outside.
 */
export class JointCache extends BufferedCache implements SelfAttentionCache {
  #buffer: MxArray | undefined;

  /** @param capacity maximum number of positions */
  constructor(capacity: number) {
    super(validateCapacity(capacity, 'JointCache'));
    canAppendInPlace(); // evaluates a trial, which a step must not do
  }

  override get batch(): number {
    return (this.#buffer?.shape[0] ?? 0) / 2;
  }

  /** The buffer, for evaluation or counting; empty before the first `attend`. */
  get arrays(): MxArray[] {
    return this.#buffer ? [this.#buffer] : [];
  }

  attend(unrotated: MxArray, heads: number, rotary?: RotaryPositions): MxArray {
    const qkv = rotary ? rotateQkv(unrotated, heads, rotary, this.filled) : unrotated;
    const [, added = 0] = qkv.shape;
    const end = this.filled + added;
    this.checkRoom(added);
    const room = bufferLengthFor(end, this.capacity);
    const previous = grow(this.#bufferFor(qkv, heads, room), this.filled, room);
    const [queries, keys, values, buffer] = appendQkv(qkv, previous, this.filled);
    this.#buffer = buffer;
    this.filled = end;
    const mask = added > 1 ? 'causal' : undefined;
    return mergeHeads(attend(queries, keys, values, { mask }));
  }

  override reorder(rows: readonly number[]): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    this.checkRows(rows);
    const order = Int32Array.from([...rows, ...rows.map((row) => row + this.batch)]);
    const reordered = mx.keep(mx.tidy(() => mx.take(buffer, mx.array(order), 0)));
    mx.eval(reordered); // so that the next step can write in place
    buffer.dispose();
    this.#buffer = reordered;
  }

  override reorderSpeculatively({ keyValueRows }: DeviceRows): PendingReorder {
    const { filled } = this;
    const buffer = this.#buffer;
    if (!buffer) throw new RangeError('JointCache: an empty cache has no rows');
    this.#buffer = mx.keep(mx.take(buffer, keyValueRows, 0));
    return {
      commit: () => {
        buffer.dispose();
      },
      revert: () => {
        this.#buffer?.dispose();
        [this.#buffer, this.filled] = [buffer, filled];
      },
    };
  }

  override dispose(): void {
    this.#buffer?.dispose();
    this.#buffer = undefined;
    super.dispose();
  }

  #bufferFor({ shape, dtype }: MxArray, heads: number, room: number): MxArray {
    const [batch = 0, , width = 0] = shape;
    const [rows, dims] = [2 * batch, width / 3 / heads];
    const buffer = this.#buffer;
    if (buffer) {
      const [hadRows, hadHeads, hadRoom, hadDims] = buffer.shape;
      const isAlike = hadRows === rows && hadHeads === heads && hadDims === dims && buffer.dtype === dtype;
      // After a reset, a shorter text gets a smaller buffer: see `bufferLengthFor`.
      if (isAlike && (this.filled > 0 || hadRoom === room)) return buffer;
      if (this.filled > 0) {
        const had = `${buffer.dtype}[${buffer.shape.join(', ')}]`;
        throw new RangeError(
          `JointCache: keys and values ${dtype}[${[rows, heads, room, dims].join(', ')}] do not fit the cache's ${had}`,
        );
      }
      buffer.dispose();
    }
    return mx.keep(mx.zeros([rows, heads, room, dims], dtype));
  }
}
