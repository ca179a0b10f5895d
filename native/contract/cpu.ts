import type { MxArray, StreamOption } from './types.js';

/** What belongs to a weight matrix stored packed: float32 panels of its scales and biases. */
export interface PackedScales {
  scales?: MxArray | null;
  biases?: MxArray | null;
}

/**
 * `mx.cpu`: kernels of our own for MLX's CPU device, all but `panels` and `lstm` in the Linux build only; `nn` uses them
 * where they are. All compute in float32. *Panels* are a matrix [n, k] as the kernels read it: 16 rows side by side, [⌈n / 16⌉, k, 16].
 */
export interface Cpu {
  /** Whether all these kernels are built in and `SOTTO_CPU_ISA` is not `none`, which leaves everything to MLX's own ops. */
  available(): boolean;
  /** 'avx512', 'avx2', 'baseline' or 'none': what the processor can do, or less, as `SOTTO_CPU_ISA` asks. */
  instructionSet(): string;
  /**
   * [..., n, k] float32, float16 or bfloat16 → [..., ⌈n / 16⌉, k, 16]; with `bits`, packed weights [..., n, k bits / 32]
   * uint32 → the same as one byte for a weight.
   */
  panels(w: MxArray, bits?: number, options?: StreamOption): MxArray;
  /**
   * `panels` of several matrices, in turns of some megabytes: matrix i is made in turn `turns[i]`, together with all others of
   * that turn, when one of them is evaluated. Turns go through memory (a mapped file) from the front. Of matrices that are
   * a concatenation of rows, not evaluated yet, the parts are read where they lie.
   *
   * @param bits for each matrix: 0 for floats as they are, 32 for floats to become float32, else those of packed weights. With
   * 32 it may be a vector, which stays one.
   */
  pack(
    matrices: readonly MxArray[],
    bits: readonly number[],
    options?: StreamOption,
  ): { panels: MxArray[]; batches: number[] };
  /**
   * gelu(norm(x) wᵀ + bias) + residual: x [..., k] float32 → [..., outputs]. With `eps` the input is layer-normed first.
   */
  linear(
    x: MxArray,
    panels: MxArray,
    outputs: number,
    options?: StreamOption &
      PackedScales & {
        bias?: MxArray | null;
        normWeight?: MxArray | null;
        normBias?: MxArray | null;
        eps?: number | undefined;
        gelu?: boolean;
        residual?: MxArray | null | undefined;
      },
  ): MxArray;
  /** Rows of a matrix of `outputs` rows in panels: ids [...] → [..., k] float32. An id beyond it gives zeros. */
  rows(panels: MxArray, outputs: number, ids: MxArray, options?: StreamOption & PackedScales): MxArray;
  /**
   * What a decoder attends to at every step, as float16: keys and values [B, T, 2 H D] →
   * [keys [B, H, ⌈T / 16⌉, D, 16], values [B, H, T, D]].
   */
  crossAttentionCache(kv: MxArray, heads: number, options?: StreamOption): [keys: MxArray, values: MxArray];
  /** q [B, Nq, H D] over a whole memory → [B, Nq, H D], scaled by 1 / √D. */
  crossAttend(q: MxArray, keys: MxArray, values: MxArray, options?: StreamOption): MxArray;
  /**
   * Causal self-attention of qkv [B, T, 3 H D] at the positions from `offset` on → [B, T, H D]. Writes their keys and
   * values into the float32 buffers keys [B, H, C / 16, D, 16] and values [B, H, C, D] in place, when it is evaluated.
   */
  attendCached(qkv: MxArray, keys: MxArray, values: MxArray, offset: number, options?: StreamOption): MxArray;
  /**
   * The weights of a decoder's block, evaluated, checked and held by one array, which only `decoderBlock` takes: it has
   * no value. For qkv, out, cross query, cross out, mlp1 and mlp2 panels, scales, biases and bias; then weight and bias
   * of the three norms; null for what is missing.
   */
  decoderWeights(weights: readonly (MxArray | null)[], options?: StreamOption): MxArray;
  /**
   * A block of a decoder at the positions from `offset` on, x [B, T, D] → the same: self-attention over a cache as in
   * `attendCached`, attention over a memory, MLP with GELU, each over the layer-normed input and added to it.
   */
  decoderBlock(
    x: MxArray,
    keys: MxArray,
    values: MxArray,
    crossKeys: MxArray,
    crossValues: MxArray,
    weights: MxArray,
    offset: number,
    eps: number,
    options?: StreamOption,
  ): MxArray;
  /** Logits [R, V] float32 → [the likeliest index [R] int32, its log-probability [R]]. */
  argmax(logits: MxArray, options?: StreamOption): [index: MxArray, logprob: MxArray];
  /** Whether `panels` and `lstm` are to be used: built in everywhere, and off with `SOTTO_CPU_ISA=none`. */
  lstmAvailable(): boolean;
  /**
   * An LSTM cell of U units over T steps: gates [T, 4 U], what each step adds by itself (in, forget, cell, out), the
   * weights [4 U, U] of its last output in float32 panels, and a state [2, U], that output and the cell → the outputs
   * [T, U] and the state behind them.
   */
  lstm(
    gates: MxArray,
    wh: MxArray,
    state: MxArray,
    options?: StreamOption,
  ): [outputs: MxArray, state: MxArray];
}
