import { mx, type MxArray } from '../index.js';

/** Rows of two buffers [B, …] in another order, kept and evaluated: caches are written in place. */
export function reordered(
  buffers: readonly [MxArray, MxArray],
  rows: readonly number[],
): [keys: MxArray, values: MxArray] {
  const batch = buffers[0].shape[0] ?? 0;
  if (rows.length === 0 || rows.some((row) => !Number.isSafeInteger(row) || row < 0 || row >= batch)) {
    throw new RangeError(`a cache of batch ${batch} has no rows ${rows.join(', ')}`);
  }
  const made = mx.tidy((): [MxArray, MxArray] => {
    const order = mx.array(Int32Array.from(rows));
    return [mx.take(buffers[0], order, 0), mx.take(buffers[1], order, 0)];
  });
  mx.keep(made);
  mx.eval(...made);
  return made;
}
