import { mx, type MxArray } from '../index.js';
import { filledView, writeInto } from './buffered-cache.js';

/**
 * One cache step: queries [B, H, T, D], keys and values up to the new ones [B, H, length, D], and their
 * buffer.
 */
type CacheStep = [queries: MxArray, keys: MxArray, values: MxArray, buffer: MxArray];

let isKernelCorrect: boolean | undefined;

/**
 * Whether the device's kernel of `mx.fast.appendInPlace` compiles and matches MLX's own ops; tested once. The
 * Metal kernel has not run on a Mac yet. Where the test fails, the cache is copied.
 */
export function canAppendInPlace(): boolean {
  isKernelCorrect ??= matchesMlx();
  return isKernelCorrect;
}

/**
 * Appends `qkv` [B, T, 3 × H × D] to `buffer` [2 × B, H, room, D] (keys before values) after its first
 * `position` positions. Writes in place where the device can, even while the previous step is queued, so
 * views of the buffer change too. Frees the buffer's handle and keeps the new one out of scopes.
 */
export function appendQkv(qkv: MxArray, buffer: MxArray, position: number): CacheStep {
  if (!canAppendInPlace()) return appendByCopy(qkv, buffer, position);
  const step = mx.fast.appendInPlace(qkv, buffer, position);
  buffer.dispose();
  mx.keep(step[3]);
  return step;
}

/** The same with MLX's own ops, which copy a buffer that anything else holds. */
function appendByCopy(qkv: MxArray, buffer: MxArray, position: number): CacheStep {
  const [batch = 0, added = 0] = qkv.shape;
  const [, heads = 0, , dims = 0] = buffer.shape;
  const separated = mx.reshape(
    mx.transpose(mx.reshape(qkv, [batch, added, 3, heads, dims]), [2, 0, 3, 1, 4]),
    [3 * batch, heads, added, dims],
  );
  const [queries, keysValues] = mx.split(separated, [batch], 0) as [MxArray, MxArray];
  const result = writeInto(buffer, keysValues, position);
  const [keys, values] = mx.split(filledView(result, position + added), 2, 0) as [MxArray, MxArray];
  return [queries, keys, values, result];
}

function matchesMlx(): boolean {
  try {
    return mx.tidy(() => {
      const [batch, added, heads, room, dims, position] = [2, 3, 2, 6, 4, 1];
      const numbers = mx.astype(mx.arange(batch * added * 3 * heads * dims), 'float16');
      const qkv = mx.reshape(numbers, [batch, added, 3 * heads * dims]);
      const empty = (): MxArray => mx.zeros([2 * batch, heads, room, dims], 'float16');
      const result = mx.fast.appendInPlace(qkv, empty(), position);
      const expected = appendByCopy(qkv, mx.keep(empty()), position);
      const same = result.map((array, i) => mx.all(mx.equal(array, expected[i] ?? qkv)));
      mx.eval(...same);
      mx.dispose(expected[3]);
      return same.every((array) => Boolean(array.item()));
    });
  } catch {
    return false;
  }
}
