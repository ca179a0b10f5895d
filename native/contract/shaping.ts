import type {
  Axis,
  Dtype,
  MxArray,
  NestedNumbers,
  StreamOption,
  Operand,
  Scalar,
  Shape,
  TypedArray,
} from './types.js';

/** Creating arrays. */
export interface Creation {
  /**
   * Copies the data. A typed array keeps its dtype, except that doubles become float32 unless dtype is
   * 'float64' (no GPU computes with it). Without a dtype, numbers and nested lists become float32 whatever
   * their values, booleans bool, bigints int64. With 'float16' or 'bfloat16' a Uint16Array holds raw bits and
   * a Float32Array is converted; with 'complex64' a Float32Array holds (re, im) pairs. One size of the shape
   * may be −1.
   */
  array(data: TypedArray | NestedNumbers | MxArray, shape?: Shape | number | null, dtype?: Dtype): MxArray;
  /**
   * Shares the typed array's memory where MLX can: on Apple's GPU, if the memory starts at a page (large
   * ArrayBuffers do). Otherwise copies, as MLX's CPU allocator always does. Shared memory lives as long as
   * the array; do not write to it.
   */
  asarray(data: TypedArray, shape?: Shape | number | null): MxArray;
  /** `arange(start, stop, step)`, or `arange(stop)`: int32 when all are whole numbers, else float32. */
  arange(start: number, options: StreamOption & { dtype?: Dtype }): MxArray;
  arange(start: number, stop?: number | null, step?: number, dtype?: Dtype, options?: StreamOption): MxArray;
  /** `num` (50) numbers from start to stop. */
  linspace(
    start: number,
    stop: number,
    num?: number,
    endpoint?: boolean,
    dtype?: Dtype,
    options?: StreamOption,
  ): MxArray;
  zeros(shape: Shape | number, dtype?: Dtype, options?: StreamOption): MxArray;
  ones(shape: Shape | number, dtype?: Dtype, options?: StreamOption): MxArray;
  full(shape: Shape | number, vals: Operand, dtype?: Dtype, options?: StreamOption): MxArray;
  /**
   * As `full`, for an array that will be replaced unevaluated: V8 is not told of memory that is never
   * allocated.
   */
  placeholder(shape: Shape, vals: number, dtype: Dtype): MxArray;
  zerosLike(a: MxArray, dtype?: Dtype, options?: StreamOption): MxArray;
  onesLike(a: MxArray, dtype?: Dtype, options?: StreamOption): MxArray;
  fullLike(a: MxArray, vals: Operand, dtype?: Dtype, options?: StreamOption): MxArray;
  /** [n, m] with ones on the k-th diagonal. */
  eye(n: number, m?: number | null, k?: number, dtype?: Dtype, options?: StreamOption): MxArray;
  identity(n: number, dtype?: Dtype, options?: StreamOption): MxArray;
  /** [n, m] with ones at and below the k-th diagonal. */
  tri(n: number, m?: number | null, k?: number, dtype?: Dtype, options?: StreamOption): MxArray;
  /** Zeros above the k-th diagonal. */
  tril(x: MxArray, k?: number, options?: StreamOption): MxArray;
  /** Zeros below the k-th diagonal. */
  triu(x: MxArray, k?: number, options?: StreamOption): MxArray;
  /** The k-th diagonal of a matrix, or a matrix with the vector on it. */
  diag(a: MxArray, k?: number, options?: StreamOption): MxArray;
  diagonal(a: MxArray, offset?: number, axis1?: number, axis2?: number, options?: StreamOption): MxArray;
  trace(
    a: MxArray,
    offset?: number,
    axis1?: number,
    axis2?: number,
    dtype?: Dtype,
    options?: StreamOption,
  ): MxArray;
  /** Symmetric windows of m samples, float32. */
  hanning(m: number, options?: StreamOption): MxArray;
  hamming(m: number, options?: StreamOption): MxArray;
  bartlett(m: number, options?: StreamOption): MxArray;
  blackman(m: number, options?: StreamOption): MxArray;
  meshgrid(
    arrays: readonly Operand[],
    options?: StreamOption & { sparse?: boolean; indexing?: 'xy' | 'ij' },
  ): MxArray[];
}

/** The same elements in another shape, order or dtype. */
export interface Shaping {
  /** One size may be −1. */
  reshape(a: Operand, shape: Shape | number, options?: StreamOption): MxArray;
  /** Merges axes startAxis (0) to endAxis (−1) into one. */
  flatten(a: Operand, startAxis?: number, endAxis?: number, options?: StreamOption): MxArray;
  /** Splits one axis into several. */
  unflatten(a: Operand, axis: number, shape: Shape, options?: StreamOption): MxArray;
  squeeze(a: Operand, axis?: Axis, options?: StreamOption): MxArray;
  expandDims(a: Operand, axis: number | Shape, options?: StreamOption): MxArray;
  transpose(a: Operand, axes?: Shape | null, options?: StreamOption): MxArray;
  permuteDims(a: Operand, axes?: Shape | null, options?: StreamOption): MxArray;
  /** Swaps the last two axes. */
  matrixTranspose(a: Operand, options?: StreamOption): MxArray;
  swapaxes(a: Operand, axis1: number, axis2: number, options?: StreamOption): MxArray;
  moveaxis(a: Operand, source: number, destination: number, options?: StreamOption): MxArray;
  flip(a: Operand, axis?: Axis, options?: StreamOption): MxArray;
  broadcastTo(a: Operand, shape: Shape | number, options?: StreamOption): MxArray;
  broadcastArrays(arrays: readonly Operand[], options?: StreamOption): MxArray[];
  broadcastShapes(...shapes: Shape[]): number[];
  concatenate(arrays: readonly Operand[], axis?: number, options?: StreamOption): MxArray;
  concat(arrays: readonly Operand[], axis?: number, options?: StreamOption): MxArray;
  /** Joins along a new axis (0). */
  stack(arrays: readonly Operand[], axis?: number, options?: StreamOption): MxArray;
  /** Joins along an existing axis (0). */
  unstack(x: Operand, options?: StreamOption & { axis?: number }): MxArray[];
  /** Into `n` equal parts (a number) or at indices (a list). */
  split(a: Operand, indicesOrSections: number | Shape, axis?: number, options?: StreamOption): MxArray[];
  /** Repeats each element along an axis, or in the flattened array. */
  repeat(array: Operand, repeats: number, axis?: number | null, options?: StreamOption): MxArray;
  tile(a: Operand, reps: number | Shape, options?: StreamOption): MxArray;
  /** padWidth: n or [before, after] for every axis, or a pair for each. Mode 'constant', 'edge', 'reflect' or 'symmetric'. */
  pad(
    a: Operand,
    padWidth: number | readonly number[] | readonly (readonly number[])[],
    mode?: 'constant' | 'edge' | 'reflect' | 'symmetric',
    constantValues?: Operand,
    options?: StreamOption,
  ): MxArray;
  roll(a: Operand, shift: number | Shape, axis?: Axis, options?: StreamOption): MxArray;
  astype(a: Operand, dtype: Dtype, options?: StreamOption): MxArray;
  /** Reinterprets the bytes as another dtype; the last axis scales with the element size. */
  view(a: Operand, dtype: Dtype, options?: StreamOption): MxArray;
  /**
   * A view of the row-major elements with strides and an offset in elements. A view that reaches outside is
   * an error.
   */
  asStrided(
    a: Operand,
    shape?: Shape | null,
    strides?: Shape | null,
    offset?: number,
    options?: StreamOption,
  ): MxArray;
  /** Row-major in memory; column-major too if allowed. */
  contiguous(a: Operand, allowColMajor?: boolean, options?: StreamOption): MxArray;
  copy(a: Operand, options?: StreamOption): MxArray;
  /** Adds axes up to the minimum rank; several arrays return several. */
  atleast1d(...arrays: Operand[]): MxArray | MxArray[];
  atleast2d(...arrays: Operand[]): MxArray | MxArray[];
  atleast3d(...arrays: Operand[]): MxArray | MxArray[];
  /** Returns the inputs, computed only after the dependencies. */
  depends(inputs: readonly MxArray[], dependencies: readonly MxArray[]): MxArray[];
}

/** Reading and writing parts of an array. Nothing is written in place: an update is a new array. */
export interface Indexing {
  /**
   * `slice(a, start[], stop[], strides[]?)`: one entry per axis, negative ones from the end. With an MxArray
   * start, `slice(a, start, axes[], sliceSize[])`: the position is known only on evaluation; sliceSize has
   * one entry per axis.
   */
  slice(
    a: MxArray,
    start: Shape | MxArray,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  /** `sliceUpdate(a, update, start[], stop[], strides[]?)`, or with an MxArray start `sliceUpdate(a, update, start, axes[])`. */
  sliceUpdate(
    a: MxArray,
    update: Operand,
    start: Shape | MxArray,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  sliceUpdateAdd(
    a: MxArray,
    update: Operand,
    start: Shape,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  sliceUpdateProd(
    a: MxArray,
    update: Operand,
    start: Shape,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  sliceUpdateMax(
    a: MxArray,
    update: Operand,
    start: Shape,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  sliceUpdateMin(
    a: MxArray,
    update: Operand,
    start: Shape,
    stop: Shape,
    strides?: Shape | null,
    options?: StreamOption,
  ): MxArray;
  /**
   * Slices at integer indices along an axis, or elements of the flattened array. A number index removes the
   * axis.
   */
  take(a: MxArray, indices: MxArray | number, axis?: number | null, options?: StreamOption): MxArray;
  takeAlongAxis(a: MxArray, indices: MxArray, axis?: number | null, options?: StreamOption): MxArray;
  putAlongAxis(
    a: MxArray,
    indices: MxArray,
    values: Operand,
    axis?: number | null,
    options?: StreamOption,
  ): MxArray;
  scatterAddAxis(
    a: MxArray,
    indices: MxArray,
    values: Operand,
    axis: number,
    options?: StreamOption,
  ): MxArray;
  /** indices[i] indexes axis axes[i]. Result shape: the indices' broadcast shape, then sliceSizes. */
  gather(
    a: MxArray,
    indices: readonly MxArray[],
    axes: Shape,
    sliceSizes: Shape,
    options?: StreamOption,
  ): MxArray;
  /** updates has the indices' broadcast shape, then one size per axis of a. */
  scatter(
    a: MxArray,
    indices: readonly MxArray[],
    updates: Operand,
    axes: Shape,
    options?: StreamOption,
  ): MxArray;
  scatterAdd(
    a: MxArray,
    indices: readonly MxArray[],
    updates: Operand,
    axes: Shape,
    options?: StreamOption,
  ): MxArray;
  scatterProd(
    a: MxArray,
    indices: readonly MxArray[],
    updates: Operand,
    axes: Shape,
    options?: StreamOption,
  ): MxArray;
  scatterMax(
    a: MxArray,
    indices: readonly MxArray[],
    updates: Operand,
    axes: Shape,
    options?: StreamOption,
  ): MxArray;
  scatterMin(
    a: MxArray,
    indices: readonly MxArray[],
    updates: Operand,
    axes: Shape,
    options?: StreamOption,
  ): MxArray;
  /** The elements of src, in order, where the mask is true. */
  maskedScatter(a: MxArray, mask: MxArray, src: MxArray | Scalar, options?: StreamOption): MxArray;
}
