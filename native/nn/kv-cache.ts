import { mx, type MxArray } from '../index.js';
import { attend, mergeHeads, splitThree } from './attention.js';
import { reordered } from './reordered.js';
import type { SelfAttentionCache } from './self-attention-cache.js';

/**
 * Keys and values of the positions decoded so far, in buffers of a fixed capacity: [B, H, capacity, D]. They
 * are made at the first `update`, when the shape is known, and never grow.
 *
 * Under `tidy`: the buffers are lifted out of the scope (`mx.keep`) and belong to the cache; what `update`
 * returns are views that belong to the scope. MLX writes a step into the buffer in place if nothing else refers
 * to it when the step is evaluated, and copies the whole buffer otherwise. So wrap each step in `tidy`, return
 * only its result, and evaluate that outside, when the views are gone:
 *
 * @example
 * const logits = mx.tidy(() => model.forward(token, cache)); // calls cache.update once per layer
 * mx.eval(logits);
 */
export class KVCache implements SelfAttentionCache {
  readonly capacity: number;
  #length = 0;
  #keys: MxArray | undefined; // [B, H, capacity, D]
  #values: MxArray | undefined; // [B, H, capacity, Dv]

  /** @param capacity positions that fit */
  constructor(capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`KVCache: capacity must be a positive whole number, not ${capacity}`);
    }
    this.capacity = capacity;
  }

  /** Positions filled; also the position of the next token. */
  get length(): number {
    return this.#length;
  }

  get batch(): number {
    return this.#keys?.shape[0] ?? 0;
  }

  /** The buffers, to be evaluated or counted; empty before the first `update`. */
  get arrays(): MxArray[] {
    return [this.#keys, this.#values].filter((buffer) => buffer !== undefined);
  }

  /**
   * Appends keys [B, H, T, D] and values [B, H, T, Dv]; returns views of everything filled, [B, H, length, D]
   * and [B, H, length, Dv].
   *
   * @throws RangeError if they do not fit, or differ in batch, heads, dims or dtype from what is there. The
   * cache is then as it was.
   */
  update(keys: MxArray, values: MxArray): [keys: MxArray, values: MxArray] {
    for (const { ndim, shape } of [keys, values]) {
      if (ndim !== 4) throw new RangeError(`KVCache: takes [B, H, T, D], not [${shape.join(', ')}]`);
    }
    const added = keys.shape[2] ?? 0;
    const end = this.#length + added;
    if (values.shape[2] !== added) {
      throw new RangeError(`KVCache: ${added} keys but ${values.shape[2]} values`);
    }
    if (end > this.capacity) {
      throw new RangeError(
        `KVCache: ${this.#length} + ${added} positions exceed the capacity of ${this.capacity}`,
      );
    }
    this.#keys = this.#bufferFor(keys, this.#keys, 'keys');
    this.#values = this.#bufferFor(values, this.#values, 'values');
    this.#keys = write(this.#keys, keys, this.#length);
    this.#values = write(this.#values, values, this.#length);
    this.#length = end;
    return [filled(this.#keys, end), filled(this.#values, end)];
  }

  attend(qkv: MxArray, heads: number): MxArray {
    const [q, k, v] = splitThree(qkv, heads);
    const [keys, values] = this.update(k, v);
    const mask = (qkv.shape[1] ?? 1) > 1 ? 'causal' : undefined;
    return mergeHeads(attend(q, keys, values, { mask }));
  }

  reorder(rows: readonly number[]): void {
    if (!this.#keys || !this.#values) return;
    const [keys, values] = reordered([this.#keys, this.#values], rows);
    mx.dispose(this.#keys, this.#values);
    [this.#keys, this.#values] = [keys, values];
  }

  /** Forgets the last `count` positions. */
  trim(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.#length) {
      throw new RangeError(`KVCache: cannot trim ${count} of ${this.#length} positions`);
    }
    this.#length -= count;
  }

  /** Forgets everything but keeps the buffers for the next window; that may have another batch size. */
  reset(): void {
    this.#length = 0;
  }

  /** Frees the buffers. The next `update` would make new ones. */
  dispose(): void {
    this.#keys?.dispose();
    this.#values?.dispose();
    this.#keys = this.#values = undefined;
    this.#length = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #bufferFor(update: MxArray, buffer: MxArray | undefined, what: string): MxArray {
    const [batch = 0, heads = 0, , dims = 0] = update.shape;
    if (buffer) {
      const [b, h, , d] = buffer.shape;
      if (b === batch && h === heads && d === dims && buffer.dtype === update.dtype) return buffer;
      if (this.#length > 0) {
        const [had, got] = [buffer, update].map(({ dtype, shape }) => `${dtype}[${shape.join(', ')}]`);
        throw new RangeError(`KVCache: ${what} ${got} do not fit the cache's ${had}`);
      }
      buffer.dispose();
    }
    return mx.keep(mx.zeros([batch, heads, this.capacity, dims], update.dtype));
  }
}

function write(buffer: MxArray, update: MxArray, position: number): MxArray {
  const [batch = 0, heads = 0, added = 0, dims = 0] = update.shape;
  const written = mx.sliceUpdate(buffer, update, [0, 0, position, 0], [batch, heads, position + added, dims]);
  buffer.dispose(); // the one other reference, so that MLX may write in place
  return mx.keep(written);
}

function filled(buffer: MxArray, length: number): MxArray {
  const [batch = 0, heads = 0, , dims = 0] = buffer.shape;
  return mx.slice(buffer, [0, 0, 0, 0], [batch, heads, length, dims]);
}
