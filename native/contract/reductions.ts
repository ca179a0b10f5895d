import type { Axis, Dtype, MxArray, StreamOption, Operand } from './types.js';

/** Over axes (all when left out), along one, and by order. `keepdims` leaves the reduced axes with size 1. */
export interface Reductions {
  /** bool: all are non-zero. */
  all(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** bool: any is non-zero. */
  any(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The largest. */
  max(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The mean. */
  mean(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The median. */
  median(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The smallest. */
  min(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The product. */
  prod(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The sum; narrow integers are summed in int32. */
  sum(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** log Σ exp(a), without overflow. */
  logsumexp(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** Standard deviation; the divisor is n − ddof (0). */
  std(a: Operand, axis?: Axis, keepdims?: boolean, ddof?: number, options?: StreamOption): MxArray;
  /** Variance; the divisor is n − ddof (0). */
  var(a: Operand, axis?: Axis, keepdims?: boolean, ddof?: number, options?: StreamOption): MxArray;
  /** uint32 index of the largest (the first of equals) along an axis, or in the flattened array. */
  argmax(a: Operand, axis?: number | null, keepdims?: boolean, options?: StreamOption): MxArray;
  /** uint32 index of the smallest. */
  argmin(a: Operand, axis?: number | null, keepdims?: boolean, options?: StreamOption): MxArray;
  /** [min, max]. */
  minmax(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): [MxArray, MxArray];
  countNonzero(a: Operand, options?: StreamOption & { axis?: Axis; keepdims?: boolean }): MxArray;

  /** Softmax over the axes together; `precise` accumulates 16-bit inputs in float32. */
  softmax(a: Operand, axis?: Axis, options?: StreamOption & { precise?: boolean | undefined }): MxArray;
  /** Running maximum. Along an axis, or over the flattened array. */
  cummax(a: Operand, axis?: number | null, options?: StreamOption & Scan): MxArray;
  /** Running minimum. Along an axis, or over the flattened array. */
  cummin(a: Operand, axis?: number | null, options?: StreamOption & Scan): MxArray;
  /** Running log Σ exp. Along an axis, or over the flattened array. */
  logcumsumexp(a: Operand, axis?: number | null, options?: StreamOption & Scan): MxArray;
  /** Running sum. Along an axis, or over the flattened array. */
  cumsum(a: Operand, axis?: number | null, options?: StreamOption & Scan & { dtype?: Dtype }): MxArray;
  /** Running product. Along an axis, or over the flattened array. */
  cumprod(a: Operand, axis?: number | null, options?: StreamOption & Scan & { dtype?: Dtype }): MxArray;
  /** The n-th (1) discrete difference along an axis (−1). */
  diff(a: Operand, n?: number, axis?: number, options?: StreamOption): MxArray;

  /** Sorted along an axis (−1); null sorts the flattened array. So for the next four. */
  sort(a: Operand, axis?: number | null, options?: StreamOption): MxArray;
  /** uint32 indices that sort. */
  argsort(a: Operand, axis?: number | null, options?: StreamOption): MxArray;
  /** The kth smallest in its place, smaller ones before it, larger ones after it, in any order. */
  partition(a: Operand, kth: number, axis?: number | null, options?: StreamOption): MxArray;
  argpartition(a: Operand, kth: number, axis?: number | null, options?: StreamOption): MxArray;
  /** The k largest, in ascending order on some devices and in any order on others. */
  topk(a: Operand, k: number, axis?: number | null, options?: StreamOption): MxArray;
  /** uint32 places at which values keep a sorted sequence sorted; side 'left' or 'right'. */
  searchsorted(
    sortedSequence: MxArray,
    values: Operand,
    side?: 'left' | 'right',
    options?: StreamOption,
  ): MxArray;
  /** The first `size` sorted unique values, padded with `fillValue`; several arrays when indices or counts are asked for. */
  unique(
    a: Operand,
    size: number,
    returnIndex?: boolean,
    returnInverse?: boolean,
    returnCounts?: boolean,
    fillValue?: Operand | null,
    options?: StreamOption,
  ): MxArray | MxArray[];
}

export interface Scan {
  /** From the end to the start. */
  reverse?: boolean;
  /** Whether the i-th output includes the i-th input (true). */
  inclusive?: boolean;
}
