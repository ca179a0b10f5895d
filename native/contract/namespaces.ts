import type { Axis, Dtype, MxArray, StreamOption, Operand, Shape } from './types.js';

export type FftNorm = 'backward' | 'ortho' | 'forward';

/** `mx.fft`. Inverse transforms divide by n unless another norm is given. */
export interface Fft {
  /** Along an axis (−1), truncated or zero-padded to n. */
  fft(a: MxArray, n?: number | null, axis?: number, norm?: FftNorm, options?: StreamOption): MxArray;
  ifft(a: MxArray, n?: number | null, axis?: number, norm?: FftNorm, options?: StreamOption): MxArray;
  /** Real input → the n / 2 + 1 non-negative frequencies. */
  rfft(a: MxArray, n?: number | null, axis?: number, norm?: FftNorm, options?: StreamOption): MxArray;
  irfft(a: MxArray, n?: number | null, axis?: number, norm?: FftNorm, options?: StreamOption): MxArray;
  fft2(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  ifft2(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  rfft2(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  irfft2(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  fftn(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  ifftn(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  rfftn(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  irfftn(a: MxArray, s?: Shape | null, axes?: Axis, norm?: FftNorm, options?: StreamOption): MxArray;
  /** Frequencies of n samples d (1) apart. */
  fftfreq(n: number, d?: number, options?: StreamOption): MxArray;
  rfftfreq(n: number, d?: number, options?: StreamOption): MxArray;
  /** Shifts frequency 0 to the middle, and back. */
  fftshift(a: MxArray, axes?: Axis, options?: StreamOption): MxArray;
  ifftshift(a: MxArray, axes?: Axis, options?: StreamOption): MxArray;
  /** [..., frames, frequencies] of the last axis. hopLength: nFft / 4; window: a periodic Hann; padMode: 'reflect'. */
  stft(x: MxArray, nFft?: number, options?: StreamOption & StftOptions & { padMode?: string }): MxArray;
  istft(
    stftMatrix: MxArray,
    nFft?: number | null,
    options?: StreamOption & StftOptions & { length?: number },
  ): MxArray;
}

export interface StftOptions {
  hopLength?: number;
  winLength?: number;
  window?: MxArray;
  center?: boolean;
  norm?: FftNorm;
  onesided?: boolean;
}

/**
 * `mx.linalg`. MLX decomposes on the CPU only, so these run there unless a stream is given. Over the last two
 * axes.
 */
export interface Linalg {
  /** The 2-norm or Frobenius norm; `ord` a number, Infinity, 'fro' or 'nuc'. */
  norm(
    a: MxArray,
    ord?: number | 'fro' | 'nuc' | null,
    axis?: Axis,
    keepdims?: boolean,
    options?: StreamOption,
  ): MxArray;
  /** [Q, R]. */
  qr(a: MxArray, options?: StreamOption): [MxArray, MxArray];
  /** [U, S, Vᵀ], or S alone with `computeUv` false. */
  svd(a: MxArray, computeUv?: boolean, options?: StreamOption): MxArray | MxArray[];
  inv(a: MxArray, options?: StreamOption): MxArray;
  triInv(a: MxArray, upper?: boolean, options?: StreamOption): MxArray;
  cholesky(a: MxArray, upper?: boolean, options?: StreamOption): MxArray;
  /** The inverse of A from its Cholesky factor. */
  choleskyInv(a: MxArray, upper?: boolean, options?: StreamOption): MxArray;
  pinv(a: MxArray, options?: StreamOption): MxArray;
  /** [P, L, U], P as row indices. */
  lu(a: MxArray, options?: StreamOption): MxArray[];
  /** [LU, pivots]. */
  luFactor(a: MxArray, options?: StreamOption): [MxArray, MxArray];
  solve(a: MxArray, b: MxArray, options?: StreamOption): MxArray;
  solveTriangular(a: MxArray, b: MxArray, options?: StreamOption & { upper?: boolean }): MxArray;
  cross(a: MxArray, b: MxArray, axis?: number, options?: StreamOption): MxArray;
  /** [eigenvalues, eigenvectors], complex. */
  eig(a: MxArray, options?: StreamOption): [MxArray, MxArray];
  eigvals(a: MxArray, options?: StreamOption): MxArray;
  /** Of a symmetric or Hermitian matrix, from its lower ('L') or upper ('U') triangle. */
  eigh(a: MxArray, uplo?: 'L' | 'U', options?: StreamOption): [MxArray, MxArray];
  eigvalsh(a: MxArray, uplo?: 'L' | 'U', options?: StreamOption): MxArray;
  det(a: MxArray, options?: StreamOption): MxArray;
  /** [sign, log |det|]. */
  slogdet(a: MxArray, options?: StreamOption): [MxArray, MxArray];
}

/**
 * A call with a key (`mx.random.key`) repeats its numbers; without one it continues the thread's sequence.
 */
export interface Keyed extends StreamOption {
  key?: MxArray | null | undefined;
}

/** `mx.random`. Options may also name every parameter after the first one or two. */
export interface Random {
  /** Restarts this thread's sequence. */
  seed(seed: number): void;
  /** uint32[2]. */
  key(seed: number): MxArray;
  /** `num` (2) independent keys, [num, 2]. */
  split(key: MxArray, num?: number, options?: StreamOption): MxArray;
  /** Random unsigned integers of `width` (4) bytes. */
  bits(shape?: Shape, width?: number, key?: MxArray | null, options?: StreamOption): MxArray;
  bits(shape: Shape, options: Keyed & { width?: number }): MxArray;
  /** In [low (0), high (1)). */
  uniform(
    low?: Operand,
    high?: Operand,
    shape?: Shape,
    dtype?: Dtype,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  uniform(low: Operand, high: Operand, options: Keyed & { shape?: Shape; dtype?: Dtype }): MxArray;
  normal(
    shape?: Shape,
    dtype?: Dtype,
    loc?: Operand | null,
    scale?: Operand | null,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  normal(shape: Shape, options: Keyed & { dtype?: Dtype; loc?: Operand; scale?: Operand }): MxArray;
  multivariateNormal(
    mean: MxArray,
    cov: MxArray,
    shape?: Shape,
    dtype?: Dtype,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  /** In [low, high), int32. */
  randint(
    low: Operand,
    high: Operand,
    shape?: Shape,
    dtype?: Dtype,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  randint(low: Operand, high: Operand, options: Keyed & { shape?: Shape; dtype?: Dtype }): MxArray;
  /** bool, true with probability p (0.5). */
  bernoulli(p?: Operand, shape?: Shape | null, key?: MxArray | null, options?: StreamOption): MxArray;
  truncatedNormal(
    lower: Operand,
    upper: Operand,
    shape?: Shape | null,
    dtype?: Dtype,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  gumbel(shape?: Shape, dtype?: Dtype, key?: MxArray | null, options?: StreamOption): MxArray;
  /** uint32 indices drawn from softmax(logits) along an axis (−1). */
  categorical(
    logits: MxArray,
    axis?: number,
    shape?: Shape | null,
    numSamples?: number | null,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  categorical(
    logits: MxArray,
    axis: number,
    options: Keyed & { shape?: Shape; numSamples?: number },
  ): MxArray;
  laplace(
    shape?: Shape,
    dtype?: Dtype,
    loc?: number,
    scale?: number,
    key?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  /** Of an array along an axis (0), or of 0 … x − 1. */
  permutation(x: MxArray | number, axis?: number, key?: MxArray | null, options?: StreamOption): MxArray;
}

/** `mx.memory`: MLX's allocator, in bytes. */
export interface Memory {
  active(): number;
  /** Peak use since the start or the last `resetPeak`. */
  peak(): number;
  resetPeak(): void;
  /** Freed buffers kept for reuse. */
  cache(): number;
  limit(): number;
  /** Above the limit, allocations wait for running work and then fail. @returns the previous limit */
  setMemoryLimit(limit: number): number;
  /** Maximum bytes kept in the cache. @returns the previous limit */
  setCacheLimit(limit: number): number;
  /** Maximum wired bytes (macOS 15, GPU only). @returns the previous limit */
  setWiredLimit(limit: number): number;
  clearCache(): void;
  /** Bytes of the buffers behind the arrays; a shared buffer counts once. */
  ofArrays(arrays: readonly MxArray[]): number;
}
