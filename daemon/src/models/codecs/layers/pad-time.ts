/** Padding of a signal along its time. */
import { mx, type MxArray } from '#native/index.js';

/** `constant`: zeros. `replicate`: the first and the last value. `reflect`: mirrored, without the edge itself. */
export type PadMode = 'constant' | 'replicate' | 'reflect';

/**
 * x [B, T, C] → [B, left + T + right, C]. A signal that is too short for its reflection is first extended by zeros at its end, which are
 * cut off again, as Encodec does.
 */
export function padTime(x: MxArray, left: number, right: number, mode: PadMode): MxArray {
  if (left === 0 && right === 0) return x;
  if (mode === 'constant') return mx.pad(x, [[0, 0], [left, right], [0, 0]]); // prettier-ignore
  if (mode === 'replicate') return mx.pad(x, [[0, 0], [left, right], [0, 0]], 'edge'); // prettier-ignore
  const length = x.shape[1] ?? 0;
  const extra = Math.max(0, Math.max(left, right) - length + 1);
  const extended = extra > 0 ? padTime(x, 0, extra, 'constant') : x;
  const end = length + extra;
  const parts = [mirrored(extended, 1, left), extended, mirrored(extended, end - 1 - right, right)];
  const padded = mx.concatenate(
    parts.filter((part) => part !== undefined),
    1,
  );
  return extra > 0 ? sliceTime(padded, 0, left + end + right - extra) : padded;
}

/** Frames from `start` to `end` of x [B, T, C]. */
export function sliceTime(x: MxArray, start: number, end: number): MxArray {
  const [batch = 0, length = 0, channels = 0] = x.shape;
  return start === 0 && end === length ? x : mx.slice(x, [0, start, 0], [batch, end, channels]);
}

/** `count` frames from `start`, in reverse; undefined without any. */
function mirrored(x: MxArray, start: number, count: number): MxArray | undefined {
  return count === 0 ? undefined : mx.flip(sliceTime(x, start, start + count), 1);
}
