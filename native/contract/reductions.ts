import type { Axis, Dtype, MxArray, StreamOption, Operand } from './types.js';

/**
 * Reductions over axes (all when omitted) or along one, and sorting. `keepdims` keeps the reduced axes with
 * size 1.
 */
export interface Reductions {
  /** bool: all are non-zero. */
  all(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** bool: any is non-zero. */
  any(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  max(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  mean(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  median(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  min(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  prod(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** The sum; narrow integers are summed in int32. */
  sum(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** log Σ exp(a), without overflow. */
  logsumexp(a: Operand, axis?: Axis, keepdims?: boolean, options?: StreamOption): MxArray;
  /** Standard deviation; the divisor is n − ddof (0). */
  std(a: Operand, axis?: Axis, keepdims?: boolean, ddof?: number, options?: StreamOption): MxArray;
  /** Variance; the divisor is n − ddof (0). */
  var(a: Operand, axis?: Axis, keepdims?: boolean, ddof?: number, options?: StreamOption): MxArray;
  /** uint32 index of the largest (first of equals) along an axis, or in the flattened array. */
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

  /** Sorted along an axis (−1); null sorts the flattened array. The next four take the same axis. */
  sort(a: Operand, axis?: number | null, options?: StreamOption): MxArray;
  /** uint32 indices that sort. */
  argsort(a: Operand, axis?: number | null, options?: StreamOption): MxArray;
  /** The kth smallest at index k, smaller ones before it, larger ones after it, both in any order. */
  partition(a: Operand, kth: number, axis?: number | null, options?: StreamOption): MxArray;
  argpartition(a: Operand, kth: number, axis?: number | null, options?: StreamOption): MxArray;
  /** The k largest, in ascending order on some devices and in any order on others. */
  topk(a: Operand, k: number, axis?: number | null, options?: StreamOption): MxArray;
  /** uint32 indices at which values keep a sorted sequence sorted; side 'left' or 'right'. */
  searchsorted(
    sortedSequence: MxArray,
    values: Operand,
    side?: 'left' | 'right',
    options?: StreamOption,
  ): MxArray;
  /**
   * The first `size` sorted unique values, padded with `fillValue`; several arrays with `returnIndex` and the
   * like.
   */
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
  reverse?: boolean;
  /** Whether output i includes input i (true). */
  inclusive?: boolean;
}
