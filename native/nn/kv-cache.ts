import { mx, type MxArray } from '../index.js';
import { attend, mergeHeads, splitThree } from './attention.js';
import { BufferedCache, checkedCapacity } from './buffered-cache.js';
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
export class KVCache extends BufferedCache implements SelfAttentionCache {
  /** @param capacity positions that fit */
  constructor(capacity: number) {
    super(checkedCapacity(capacity, 'KVCache'));
  }

  /** The buffers, to be evaluated or counted; empty before the first `update`. */
  get arrays(): MxArray[] {
    return [this.keys, this.values].filter((buffer) => buffer !== undefined);
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
    const end = this.filled + added;
    if (values.shape[2] !== added) {
      throw new RangeError(`KVCache: ${added} keys but ${values.shape[2]} values`);
    }
    this.needRoom(added);
    this.keys = this.#bufferFor(keys, this.keys, 'keys');
    this.values = this.#bufferFor(values, this.values, 'values');
    this.keys = write(this.keys, keys, this.filled);
    this.values = write(this.values, values, this.filled);
    this.filled = end;
    return [filled(this.keys, end), filled(this.values, end)];
  }

  attend(qkv: MxArray, heads: number): MxArray {
    const [q, k, v] = splitThree(qkv, heads);
    const [keys, values] = this.update(k, v);
    const mask = (qkv.shape[1] ?? 1) > 1 ? 'causal' : undefined;
    return mergeHeads(attend(q, keys, values, { mask }));
  }

  #bufferFor(update: MxArray, buffer: MxArray | undefined, what: string): MxArray {
    const [batch = 0, heads = 0, , dims = 0] = update.shape;
    if (buffer) {
      const [b, h, , d] = buffer.shape;
      if (b === batch && h === heads && d === dims && buffer.dtype === update.dtype) return buffer;
      if (this.filled > 0) {
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
