import { mx, type MxArray } from '../index.js';
import { written } from './buffered-cache.js';

let isSound: boolean | undefined;

/**
 * Whether the device's kernel for `mx.fast.writeInPlace` can be made and writes what MLX's own update does: tried once.
 * No Mac has run that kernel yet; where it fails, a cache is copied.
 */
export function canWriteInPlace(): boolean {
  isSound ??= writesAsMlx();
  return isSound;
}

/**
 * `update` [R, H, T, D] written into `buffer` [R, H, room, D] from `position` on; `buffer` is freed. Unlike `written` it
 * copies nothing while the step before it is still queued, so views of the buffer see it too.
 */
export function writtenInPlace(buffer: MxArray, update: MxArray, position: number): MxArray {
  if (!canWriteInPlace()) return written(buffer, update, position);
  const made = mx.fast.writeInPlace(buffer, update, position);
  buffer.dispose();
  return mx.keep(made);
}

function writesAsMlx(): boolean {
  try {
    return mx.tidy(() => {
      const numbers = mx.astype(mx.arange(2 * 3 * 2 * 4), 'float16');
      const update = mx.transpose(mx.reshape(numbers, [2, 2, 3, 4]), [0, 2, 1, 3]); // [2, 3, 2, 4], a view
      const empty = (): MxArray => mx.zeros([2, 3, 5, 4], 'float16');
      const wanted = mx.sliceUpdate(empty(), update, [0, 0, 1, 0], [2, 3, 3, 4]);
      return Boolean(mx.all(mx.equal(mx.fast.writeInPlace(empty(), update, 1), wanted)).item());
    });
  } catch {
    return false;
  }
}
