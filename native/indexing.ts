/** NumPy-like indexing built on slice, take, squeeze and expandDims. */
import type { MxArray } from './contract.js';
import { binding } from './addon.js';
import { isArray } from './array-tree.js';

/**
 * The index of one axis: an integer (removes the axis), `[start, stop, step?]` with null for open ends, ':'
 * (everything), '...' (as many ':' as are missing), null (a new axis of size 1), or an array of integer
 * indices (at most one).
 */
export type Index =
  | number
  | readonly [start: number | null, stop?: number | null, step?: number]
  | ':'
  | '...'
  | null
  | MxArray;

/**
 * `x[...specs]` as in NumPy.
 *
 * @example mx.at(x, 0, [1, 5], '...', -1); // x[0, 1:5, ..., -1]
 * @throws RangeError for too many indices or an integer out of range
 */
export function at(x: MxArray, ...specs: Index[]): MxArray {
  const shape = x.shape;
  const axes = expandEllipsis(specs, shape.length);
  const start: number[] = [];
  const stop: number[] = [];
  const step: number[] = [];
  const removed: number[] = [];
  const added: number[] = [];
  let gathered: { indices: MxArray; axis: number } | undefined;
  let outAxis = 0;
  for (const spec of axes) {
    if (spec === null) {
      added.push(outAxis++);
      continue;
    }
    const axis = start.length;
    const size = shape[axis] ?? 0;
    const [from, to, by] = range(spec, size, axis);
    start.push(from);
    stop.push(to);
    step.push(by);
    if (typeof spec === 'number') {
      removed.push(axis);
    } else {
      if (isArray(spec)) {
        if (gathered) throw new RangeError('at: at most one index may be an array');
        gathered = { indices: spec, axis: outAxis };
      }
      outAxis++;
    }
  }
  const intermediates: MxArray[] = [];
  const next = (array: MxArray): MxArray => intermediates[intermediates.push(array) - 1] as MxArray;
  let result = next(binding.slice(x, start, stop, step));
  if (removed.length > 0) result = next(binding.squeeze(result, removed));
  if (added.length > 0) result = next(binding.expandDims(result, added));
  if (gathered) result = next(binding.take(result, gathered.indices, gathered.axis));
  for (const array of intermediates) if (array !== result) array.dispose();
  return result;
}

function expandEllipsis(specs: Index[], ndim: number): Exclude<Index, '...'>[] {
  const indexed = specs.filter((spec) => spec !== null && spec !== '...').length;
  if (indexed > ndim) throw new RangeError(`at: ${indexed} indices for an array of ${ndim} axes`);
  if (specs.filter((spec) => spec === '...').length > 1) throw new RangeError("at: at most one '...'");
  const fill = Array.from({ length: ndim - indexed }, () => ':' as const);
  const given: Index[] = specs.includes('...') ? specs : [...specs, '...'];
  return given.flatMap((spec): Exclude<Index, '...'>[] => (spec === '...' ? fill : [spec]));
}

function range(spec: Exclude<Index, '...' | null>, size: number, axis: number): [number, number, number] {
  if (spec === ':' || isArray(spec)) return [0, size, 1];
  if (typeof spec === 'number') {
    const index = spec < 0 ? spec + size : spec;
    if (!Number.isInteger(spec) || index < 0 || index >= size) {
      throw new RangeError(`at: index ${spec} is out of range for axis ${axis} of size ${size}`);
    }
    return [index, index + 1, 1];
  }
  const [start, stop, step = 1] = spec;
  // MLX uses −size − 1 for "before the first element" with a negative step.
  return [start ?? (step < 0 ? size - 1 : 0), stop ?? (step < 0 ? -size - 1 : size), step];
}
