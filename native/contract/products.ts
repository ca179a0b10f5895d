import type { Dtype, MxArray, StreamOption, Operand, Shape } from './types.js';

/** Products of vectors, matrices and tensors. Operands are float or complex; integers are an error. */
export interface Products {
  /** [..., m, k] · [..., k, n]; batch axes are broadcast, vectors are rows on the left and columns on the right. */
  matmul(a: MxArray, b: MxArray, options?: StreamOption): MxArray;
  /** beta · c + alpha · (a · b), c broadcast to the product's shape. */
  addmm(c: MxArray, a: MxArray, b: MxArray, alpha?: number, beta?: number, options?: StreamOption): MxArray;
  inner(a: Operand, b: Operand, options?: StreamOption): MxArray;
  outer(a: Operand, b: Operand, options?: StreamOption): MxArray;
  kron(a: MxArray, b: MxArray, options?: StreamOption): MxArray;
  vecdot(a: MxArray, b: MxArray, options?: StreamOption & { axis?: number }): MxArray;
  /** Over the last `axes` (2) axes of a and the first of b, or over [axesOfA, axesOfB]. */
  tensordot(a: MxArray, b: MxArray, axes?: number | readonly [Shape, Shape], options?: StreamOption): MxArray;
  einsum(subscripts: string, ...operands: MxArray[]): MxArray;
  /** [the operand pairs in contraction order, a description]. */
  einsumPath(subscripts: string, ...operands: MxArray[]): [number[][], string];
  gatherMm(
    a: MxArray,
    b: MxArray,
    lhsIndices?: MxArray | null,
    rhsIndices?: MxArray | null,
    options?: StreamOption & { sortedIndices?: boolean },
  ): MxArray;
  blockMaskedMm(
    a: MxArray,
    b: MxArray,
    blockSize?: number,
    maskOut?: MxArray | null,
    maskLhs?: MxArray | null,
    maskRhs?: MxArray | null,
    options?: StreamOption,
  ): MxArray;
  segmentedMm(a: MxArray, b: MxArray, segments: MxArray, options?: StreamOption): MxArray;
  /** The last axis times the Hadamard matrix of its size, scaled by 1/√n unless a scale is given. */
  hadamardTransform(a: MxArray, scale?: number | null, options?: StreamOption): MxArray;
}

/** A number for all spatial axes, or one per axis. */
export type Spatial = number | Shape;

/** Channels-last convolutions: input [N, …space, C_in], weight [C_out, …kernel, C_in / groups]. */
export interface Convolutions {
  conv1d(
    input: MxArray,
    weight: MxArray,
    stride?: number,
    padding?: number,
    dilation?: number,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  conv2d(
    input: MxArray,
    weight: MxArray,
    stride?: Spatial,
    padding?: Spatial,
    dilation?: Spatial,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  conv3d(
    input: MxArray,
    weight: MxArray,
    stride?: Spatial,
    padding?: Spatial,
    dilation?: Spatial,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  convTranspose1d(
    input: MxArray,
    weight: MxArray,
    stride?: number,
    padding?: number,
    dilation?: number,
    outputPadding?: number,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  convTranspose2d(
    input: MxArray,
    weight: MxArray,
    stride?: Spatial,
    padding?: Spatial,
    dilation?: Spatial,
    outputPadding?: Spatial,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  convTranspose3d(
    input: MxArray,
    weight: MxArray,
    stride?: Spatial,
    padding?: Spatial,
    dilation?: Spatial,
    outputPadding?: Spatial,
    groups?: number,
    options?: StreamOption,
  ): MxArray;
  /** Padding: a number, one per axis, or [before[], after[]]. `flip` makes it a true convolution. */
  convGeneral(
    input: MxArray,
    weight: MxArray,
    stride?: Spatial,
    padding?: Spatial | readonly [Shape, Shape],
    kernelDilation?: Spatial,
    inputDilation?: Spatial,
    groups?: number,
    flip?: boolean,
    options?: StreamOption,
  ): MxArray;
  /** Of two vectors, as in NumPy. */
  convolve(a: MxArray, v: MxArray, mode?: 'full' | 'same' | 'valid', options?: StreamOption): MxArray;
}

/** 'affine': w ≈ scale · q + bias per group. The others are the OCP and NVIDIA micro-scaling formats, without biases. */
export type QuantizationMode = 'affine' | 'mxfp4' | 'mxfp8' | 'nvfp4';

export interface QuantizationLayout {
  /** Elements of a row that share a scale: for 'affine' 32, 64 (default) or 128. */
  groupSize?: number | undefined;
  /** For 'affine' 2, 3, 4 (default), 5, 6 or 8. */
  bits?: number | undefined;
  mode?: QuantizationMode | undefined;
}

export interface QuantizationOps {
  /**
   * [quantized uint32 [..., n · bits / 32], scales [..., n / groupSize], biases the same]; biases for
   * 'affine' only.
   */
  quantize(
    w: MxArray,
    options?: StreamOption & QuantizationLayout & { globalScale?: MxArray },
  ): [packed: MxArray, scales: MxArray, biases: MxArray];
  quantize(
    w: MxArray,
    groupSize?: number | null,
    bits?: number | null,
    mode?: QuantizationMode,
    options?: StreamOption & { globalScale?: MxArray },
  ): [packed: MxArray, scales: MxArray, biases: MxArray];
  dequantize(
    w: MxArray,
    scales: MxArray,
    biases?: MxArray | null,
    options?: StreamOption & QuantizationLayout & { globalScale?: MxArray; dtype?: Dtype },
  ): MxArray;
  dequantize(
    w: MxArray,
    scales: MxArray,
    biases?: MxArray | null,
    groupSize?: number | null,
    bits?: number | null,
    mode?: QuantizationMode,
    globalScale?: MxArray | null,
    dtype?: Dtype,
    options?: StreamOption,
  ): MxArray;
  /** x · wᵀ (or x · w without `transpose`), with w from `quantize`. */
  quantizedMatmul(
    x: MxArray,
    w: MxArray,
    scales: MxArray,
    biases?: MxArray | null,
    options?: StreamOption & QuantizationLayout & { transpose?: boolean | undefined },
  ): MxArray;
  quantizedMatmul(
    x: MxArray,
    w: MxArray,
    scales: MxArray,
    biases?: MxArray | null,
    transpose?: boolean,
    groupSize?: number | null,
    bits?: number | null,
    mode?: QuantizationMode,
    options?: StreamOption,
  ): MxArray;
  gatherQmm(
    x: MxArray,
    w: MxArray,
    scales: MxArray,
    biases?: MxArray | null,
    lhsIndices?: MxArray | null,
    rhsIndices?: MxArray | null,
    options?: StreamOption &
      QuantizationLayout & { transpose?: boolean; globalScale?: MxArray; sortedIndices?: boolean },
  ): MxArray;
  /** Both sides quantized; GPU only. */
  qqmm(
    x: MxArray,
    w: MxArray,
    scales?: MxArray | null,
    options?: StreamOption & QuantizationLayout & { globalScaleX?: MxArray; globalScaleW?: MxArray },
  ): MxArray;
  gatherQqmm(
    x: MxArray,
    w: MxArray,
    scales?: MxArray | null,
    lhsIndices?: MxArray | null,
    rhsIndices?: MxArray | null,
    options?: StreamOption &
      QuantizationLayout & { globalScaleX?: MxArray; globalScaleW?: MxArray; sortedIndices?: boolean },
  ): MxArray;
  /** E4M3 float8 as uint8. */
  toFp8(x: MxArray, options?: StreamOption): MxArray;
  fromFp8(x: MxArray, dtype?: Dtype, options?: StreamOption): MxArray;
}

/** `mx.fast`: fused kernels of a transformer. */
export interface Fast {
  /** x · weight / √(mean x² + eps) over the last axis. */
  rmsNorm(x: MxArray, weight: MxArray | null, eps: number, options?: StreamOption): MxArray;
  /** Normalized over the last axis, times weight, plus bias. */
  layerNorm(
    x: MxArray,
    weight: MxArray | null,
    bias: MxArray | null,
    eps: number,
    options?: StreamOption,
  ): MxArray;
  /** Rotary positions on the first `dims` features of [..., T, D]. Takes `base` or `freqs`. */
  rope(
    a: MxArray,
    dims: number,
    options: StreamOption & {
      traditional?: boolean;
      base?: number | null;
      scale?: number;
      offset: number | MxArray;
      freqs?: MxArray | null;
    },
  ): MxArray;
  /**
   * softmax(scale · q · kᵀ + mask) · v with q [B, H, Tq, D], k and v [B, Hkv, Tk, D]; the softmax in float32.
   * A boolean mask hides where it is false; 'causal' aligns the last query with the last key.
   */
  scaledDotProductAttention(
    q: MxArray,
    k: MxArray,
    v: MxArray,
    options: StreamOption & {
      scale: number;
      mask?: MxArray | 'causal' | null | undefined;
      sinks?: MxArray | null | undefined;
      forceFused?: boolean;
    },
  ): MxArray;
  /**
   * x/2 (1 + erf(x/√2)), exact GELU (arXiv 1606.08415), any shape. On the CPU a float32 kernel of Sotto's
   * own.
   */
  gelu(x: MxArray, options?: StreamOption): MxArray;
  /** −log softmax(logits)[target] for class indices. */
  crossEntropy(logits: MxArray, targets: MxArray, options?: StreamOption): MxArray;
  gatedDeltaUpdate(
    q: MxArray,
    k: MxArray,
    v: MxArray,
    gamma: MxArray,
    beta: MxArray,
    initialState?: MxArray | null,
    mask?: MxArray | null,
    options?: StreamOption,
  ): MxArray[];
  /**
   * One step of a decoder's cache. `qkv` [B, T, 3 × H × D] holds queries, keys, values in this order; the
   * buffer [2 × B, H, C, D] holds the keys of all rows before their values → [queries [B, H, T, D], keys and
   * values up to the new ones [B, H, position + T, D], the buffer]. Only the new keys and values are copied:
   * the queries are a view of `qkv`, the others share the buffer's memory, so every array on that memory sees
   * the new positions once this is evaluated. The buffer must not be a view; its elements have 16 or 32 bits.
   *
   * @throws Error for a shape, dtype or position that does not fit; for a view, on evaluation
   */
  appendInPlace(
    qkv: MxArray,
    buffer: MxArray,
    position: number,
    options?: StreamOption,
  ): [queries: MxArray, keys: MxArray, values: MxArray, buffer: MxArray];
}
