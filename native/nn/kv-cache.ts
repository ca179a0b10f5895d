import { mx, type MxArray } from '../index.js';
import {
  BufferedCache,
  validateCapacity,
  filledView,
  grow,
  bufferLengthFor,
  writeInto,
} from './buffered-cache.js';

/**
 * Keys and values of the positions decoded so far, in buffers [B, H, room, D]. The first `update` allocates
 * them; they grow by 64 positions up to the capacity.
 *
 * The cache owns the buffers, which live outside `tidy` scopes (`mx.keep`); the views that `update` returns
 * belong to the scope. MLX writes a step in place if nothing else refers to the buffer on evaluation, and
 * copies the buffer otherwise. So wrap each step in `tidy`, return only its result, and evaluate that outside,
 * when the views are freed:
 *
 * @example
 * const logits = mx.tidy(() => model.forward(token, cache)); // calls cache.update once per layer
 * mx.eval(logits);
 */
export class KVCache extends BufferedCache {
  /** @param capacity maximum number of positions */
  constructor(capacity: number) {
    super(validateCapacity(capacity, 'KVCache'));
  }

  /** The buffers, for evaluation or counting; empty before the first `update`. */
  get arrays(): MxArray[] {
    return [this.keys, this.values].filter((buffer) => buffer !== undefined);
  }

  /**
   * Appends keys [B, H, T, D] and values [B, H, T, Dv]; returns views of all filled positions, [B, H, length,
   * D] and [B, H, length, Dv].
   *
   * @throws RangeError if they do not fit, or differ in batch, heads, dims or dtype from the cache, which
   * stays unchanged.
   */
  update(keys: MxArray, values: MxArray): [keys: MxArray, values: MxArray] {
    for (const { ndim, shape } of [keys, values]) {
      if (ndim !== 4) throw new RangeError(`KVCache: expects [B, H, T, D], not [${shape.join(', ')}]`);
    }
    const added = keys.shape[2] ?? 0;
    const end = this.filled + added;
    if (values.shape[2] !== added) {
      throw new RangeError(`KVCache: ${added} keys but ${values.shape[2]} values`);
    }
    this.checkRoom(added);
    const room = bufferLengthFor(end, this.capacity);
    this.keys = grow(this.#bufferFor(keys, this.keys, 'keys', room), this.filled, room);
    this.values = grow(this.#bufferFor(values, this.values, 'values', room), this.filled, room);
    this.keys = writeInto(this.keys, keys, this.filled);
    this.values = writeInto(this.values, values, this.filled);
    this.filled = end;
    return [filledView(this.keys, end), filledView(this.values, end)];
  }

  #bufferFor(update: MxArray, buffer: MxArray | undefined, what: string, room: number): MxArray {
    const [batch = 0, heads = 0, , dims = 0] = update.shape;
    if (buffer) {
      const [b, h, had, d] = buffer.shape;
      const isAlike = b === batch && h === heads && d === dims && buffer.dtype === update.dtype;
      if (isAlike && (this.filled > 0 || had === room)) return buffer;
      if (this.filled > 0) {
        const [kept, got] = [buffer, update].map(({ dtype, shape }) => `${dtype}[${shape.join(', ')}]`);
        throw new RangeError(`KVCache: ${what} ${got} do not fit the cache's ${kept}`);
      }
      buffer.dispose();
    }
    return mx.keep(mx.zeros([batch, heads, room, dims], update.dtype));
  }
}
