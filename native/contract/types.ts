/** Types of the binding: arrays, dtypes, scalars, streams. */

export type Dtype =
  | 'bool'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'complex64';

/** Kinds of dtypes, as in NumPy's hierarchy. */
export type DtypeCategory =
  | 'complexfloating'
  | 'floating'
  | 'inexact'
  | 'signedinteger'
  | 'unsignedinteger'
  | 'integer'
  | 'number'
  | 'generic';

export type Device = 'cpu' | 'gpu';

/** A queue of work on a device, from `mx.newStream` or `mx.defaultStream` of this thread. */
export interface Stream {
  readonly device: Device;
  readonly index: number;
}

/** The keyword `stream` of every op. Omitted: the default stream of the default device. */
export interface StreamOption {
  stream?: Device | Stream | undefined;
}

export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** The typed array that holds a dtype's elements: raw bits for the 16-bit floats, (re, im) pairs for complex64. */
export interface TypedArrayOf {
  bool: Uint8Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  float32: Float32Array;
  float64: Float64Array;
  complex64: Float32Array;
}

export interface Complex {
  re: number;
  im: number;
}

/** One element: bigint for the 64-bit integers, boolean for bool, {@link Complex} for complex64, else a number. */
export type Item = number | boolean | bigint | Complex;
export type NestedItems = Item | NestedItems[];

/**
 * A JavaScript scalar is weakly typed: next to an array it takes the array's dtype (a fraction next to
 * integers gives float32). Alone a number is float32, a boolean bool, a bigint int64.
 */
export type Scalar = number | boolean | bigint;
export type Operand = MxArray | Scalar;
export type NestedNumbers = Scalar | readonly NestedNumbers[];

/** One axis or several; null or omitted for all. Negative axes count from the end. */
export type Axis = number | readonly number[] | null;
export type Shape = readonly number[];

/**
 * An n-dimensional MLX array, created by `mx.array` and the ops and evaluated when read or by `mx.eval`. Free
 * it with `dispose` or, better, create it inside `mx.tidy`. Every later use is an error.
 */
export interface MxArray {
  readonly shape: number[];
  readonly dtype: Dtype;
  /** Number of axes. */
  readonly ndim: number;
  /** Number of elements. */
  readonly size: number;
  /** Bytes of one element. */
  readonly itemsize: number;
  /** Bytes of all elements. */
  readonly nbytes: number;
  readonly disposed: boolean;
  /** The element of an array of size 1. Evaluates. */
  item<T extends Item = number>(): T;
  /** A row-major copy of the elements. Evaluates. A dtype converts the elements first. */
  toTypedArray(): TypedArray;
  toTypedArray<D extends Dtype>(dtype: D): TypedArrayOf[D];
  /**
   * A view of MLX's memory without a copy (a copy if it is not row-major). Evaluates. The memory lives as
   * long as the view, even after `dispose`. Read-only: other arrays may share it.
   */
  data(): TypedArray;
  /** The elements as nested JavaScript arrays. Evaluates. */
  tolist<T = NestedItems>(): T;
  astype(dtype: Dtype, options?: StreamOption): MxArray;
  reshape(shape: Shape | number, options?: StreamOption): MxArray;
  /** Axes in the given order; reversed when omitted. */
  transpose(axes?: Shape | null, options?: StreamOption): MxArray;
  /** `MxArray float32[2,3]`. */
  toString(): string;
  /** Frees the memory now. Safe to call twice. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** The class itself, for `instanceof`. It has no public constructor. */
export interface MxArrayClass {
  readonly prototype: MxArray;
  [Symbol.hasInstance](value: unknown): value is MxArray;
}
