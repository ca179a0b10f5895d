import { mx, type MxArray } from '../index.js';
import { attend, mergeHeads } from './attention.js';
import { BufferedCache, checkedCapacity, filledOf, grown, roomFor } from './buffered-cache.js';
import type { DeviceRows, PendingReorder } from './reorder-ahead.js';
import type { SelfAttentionCache } from './self-attention-cache.js';
import { canWriteInPlace, writtenInPlace } from './write-in-place.js';

/**
 * Keys and values of the positions decoded so far, in one buffer [2 × B, H, room, D]: the keys of all rows before the
 * values of all rows. So a step is written by one op, and its two views are laid out as MLX's attention reads them.
 * The buffer is made when its shape is known and grows by 64 positions up to the capacity. A step is written in place,
 * also while the steps before it are still queued, in the order in which they were made: after `reset` or `trim` the
 * old contents are written over, and older views change. As with `KVCache`, wrap each step in `tidy` and evaluate its
 * result outside.
 */
export class JointCache extends BufferedCache implements SelfAttentionCache {
  #buffer: MxArray | undefined;

  /** @param capacity positions that fit */
  constructor(capacity: number) {
    super(checkedCapacity(capacity, 'JointCache'));
    canWriteInPlace(); // evaluates what it tries, which a step must not
  }

  override get batch(): number {
    return (this.#buffer?.shape[0] ?? 0) / 2;
  }

  /** The buffer, to be evaluated or counted; empty before the first `attend`. */
  get arrays(): MxArray[] {
    return this.#buffer ? [this.#buffer] : [];
  }

  attend(qkv: MxArray, heads: number): MxArray {
    const [, added = 0] = qkv.shape;
    const end = this.filled + added;
    this.needRoom(added);
    const room = roomFor(end, this.capacity);
    const [queries, keysValues] = splitJoint(qkv, heads);
    const buffer = grown(this.#bufferFor(keysValues, room), this.filled, room);
    this.#buffer = writtenInPlace(buffer, keysValues, this.filled);
    this.filled = end;
    const [keys, values] = mx.split(filledOf(this.#buffer, end), 2, 0) as [MxArray, MxArray];
    const mask = added > 1 ? 'causal' : undefined;
    return mergeHeads(attend(queries, keys, values, { mask }));
  }

  override reorder(rows: readonly number[]): void {
    const buffer = this.#buffer;
    if (!buffer) return;
    this.checkRows(rows);
    const order = Int32Array.from([...rows, ...rows.map((row) => row + this.batch)]);
    const made = mx.keep(mx.tidy(() => mx.take(buffer, mx.array(order), 0)));
    mx.eval(made); // so that the next step is written in place
    buffer.dispose();
    this.#buffer = made;
  }

  override reorderAhead({ ofPairs }: DeviceRows): PendingReorder {
    const { filled } = this;
    const buffer = this.#buffer;
    if (!buffer) throw new RangeError('JointCache: an empty cache has no rows');
    this.#buffer = mx.keep(mx.take(buffer, ofPairs, 0));
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

  #bufferFor({ shape, dtype }: MxArray, room: number): MxArray {
    const [rows = 0, heads = 0, , dims = 0] = shape;
    const buffer = this.#buffer;
    if (buffer) {
      const [hadRows, hadHeads, hadRoom, hadDims] = buffer.shape;
      const isAlike = hadRows === rows && hadHeads === heads && hadDims === dims && buffer.dtype === dtype;
      // After a reset a smaller buffer is made where the text needs less: see `roomFor`.
      if (isAlike && (this.filled > 0 || hadRoom === room)) return buffer;
      if (this.filled > 0) {
        const had = `${buffer.dtype}[${buffer.shape.join(', ')}]`;
        throw new RangeError(
          `JointCache: keys and values ${dtype}[${shape.join(', ')}] do not fit the cache's ${had}`,
        );
      }
      buffer.dispose();
    }
    return mx.keep(mx.zeros([rows, heads, room, dims], dtype));
  }
}

/** qkv [B, T, 3 × H × D] → queries [B, H, T, D], and keys before values [2 × B, H, T, D] */
function splitJoint(qkv: MxArray, heads: number): [queries: MxArray, keysValues: MxArray] {
  const [batch = 0, added = 0, width = 0] = qkv.shape;
  const dims = width / 3 / heads;
  const isToken = batch === 1 && added === 1; // lies in this order already, so that the reshape is only a view
  const apart = isToken
    ? mx.reshape(qkv, [3, heads, 1, dims])
    : mx.reshape(mx.transpose(mx.reshape(qkv, [batch, added, 3, heads, dims]), [2, 0, 3, 1, 4]), [
        3 * batch,
        heads,
        added,
        dims,
      ]);
  return mx.split(apart, [batch], 0) as [MxArray, MxArray];
}
