import type { MxArray, StreamOption } from './types.js';

/** Scales and biases of a quantized matrix, as float32 panels. */
export interface PackedScales {
  scales?: MxArray | null;
  biases?: MxArray | null;
}

/**
 * `mx.cpu`: Sotto's own kernels for MLX's CPU device. Only `panels` and `lstm` are in the macOS build; `nn`
 * uses the others where `available()`. All compute in float32. *Panels* hold a matrix [n, k] as the kernels
 * read it: 16 rows interleaved, [⌈n / 16⌉, k, 16].
 */
export interface Cpu {
  /** Whether all kernels are built in and `SOTTO_CPU_ISA` is not `none`, which leaves every op to MLX. */
  available(): boolean;
  /**
   * 'avx512', 'avx2', 'baseline' or 'none': the best set the processor has, or a lower one set by
   * `SOTTO_CPU_ISA`.
   */
  instructionSet(): string;
  /**
   * [..., n, k] float32, float16 or bfloat16 → [..., ⌈n / 16⌉, k, 16]. With `bits`, quantized weights [...,
   * n, k bits / 32] uint32 → the same shape with one byte per weight.
   */
  panels(w: MxArray, bits?: number, options?: StreamOption): MxArray;
  /**
   * `panels` of several matrices, in batches of about 24 MB: evaluating one matrix of a batch makes all of
   * them. `batches[i]` is the batch of matrix i. Batches follow the order of the inputs in memory, so that a
   * mapped file is read from its start. An unevaluated concatenation of rows is read from its inputs and
   * never made.
   *
   * @param bits for each matrix: 0 keeps the float dtype, 32 converts to float32, any other number is that of
   * quantized weights. With 32 the input may be a vector, which stays a vector.
   */
  pack(
    matrices: readonly MxArray[],
    bits: readonly number[],
    options?: StreamOption,
  ): { panels: MxArray[]; batches: number[] };
  /**
   * scale f(norm(x) wᵀ + bias) + residual: x [..., k] float32 → [..., outputs]. With `eps` the input is
   * layer-normed first; f is GELU, SiLU, ELU or nothing.
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
        silu?: boolean;
        elu?: boolean;
        scale?: number | undefined;
        residual?: MxArray | null | undefined;
      },
  ): MxArray;
  /** x, or e^x - 1 below 0 (arXiv 1511.07289): float32, any shape. */
  elu(x: MxArray, options?: StreamOption): MxArray;
  /**
   * Rows of a matrix of `outputs` rows in panels: ids [...] → [..., k] float32. Ids out of range give zeros.
   */
  rows(panels: MxArray, outputs: number, ids: MxArray, options?: StreamOption & PackedScales): MxArray;
  /**
   * The cross-attention cache of a decoder, in float16: keys and values [B, T, 2 H D] → [keys [B, H, ⌈T /
   * 16⌉, D, 16], values [B, H, T, ⌈D / 16⌉ 16]].
   */
  crossAttentionCache(kv: MxArray, heads: number, options?: StreamOption): [keys: MxArray, values: MxArray];
  /** q [B, Nq, H D] over the whole cross-attention cache → [B, Nq, H D], scaled by 1 / √D. */
  crossAttend(q: MxArray, keys: MxArray, values: MxArray, options?: StreamOption): MxArray;
  /**
   * Causal self-attention of qkv [B, T, 3 H D] at positions from `offset` → [B, T, H D]. With `rotaryDims`,
   * queries and keys are rotated first, in adjacent pairs, as by a traditional `fast.rope`. When evaluated, it
   * writes the new keys and values in place into the float32 buffers keys [B, H, C / 16, D, 16] and values
   * [B, H, C, ⌈D / 16⌉ 16].
   */
  attendCached(
    qkv: MxArray,
    keys: MxArray,
    values: MxArray,
    offset: number,
    options?: StreamOption & { rotaryDims?: number; rotaryBase?: number },
  ): MxArray;
  /**
   * The rows `rows` of a cache of `attendCached`, in new buffers; only the first `filled` positions are defined in them.
   *
   * @returns keys and values
   */
  reorderCache(
    keys: MxArray,
    values: MxArray,
    rows: readonly number[],
    filled: number,
    options?: StreamOption,
  ): [keys: MxArray, values: MxArray];
  /**
   * Evaluates and checks the weights of a decoder block and holds them in one array without a value, which
   * only `decoderBlock` accepts. Order: panels, scales, biases and bias of qkv, out, cross query, cross out,
   * mlp1 and mlp2; then weight and bias of the three norms. null for a missing array.
   */
  decoderWeights(weights: readonly (MxArray | null)[], options?: StreamOption): MxArray;
  /**
   * One decoder block at positions from `offset`: x [B, T, D] → [B, T, D]. Self-attention over a cache as in
   * `attendCached`, cross-attention, then an MLP with GELU, each over the layer-normed input and added to it.
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
  /**
   * Self-attention with relative positions (arXiv 1901.02860). qkv [B, T, 3 H D]; distances [2 T - 1, H D]: the
   * keys of the distances T - 1 … -(T - 1), or with `back`, [P, H D]: those of back … back + 1 - P, the only ones
   * that a query sees; u and v [H, D]: biases of the queries for content and distance →
   * [B, T, H D]. Scores ((q + u) kᵀ + (q + v) dᵀ) / √D; query i and key j read distance i - j.
   */
  relativeAttention(
    qkv: MxArray,
    distances: MxArray,
    u: MxArray,
    v: MxArray,
    options?: StreamOption & { back?: number },
  ): MxArray;
  /**
   * SiLU of the depthwise convolution of gated frames: x [B, T, 2 C], whose second half gates the first; weights
   * [K, C], K odd and at most 65; bias [C] → [B, T, C].
   */
  gatedDepthwise(x: MxArray, weights: MxArray, bias: MxArray, options?: StreamOption): MxArray;
  /**
   * 3 × 3 convolution of stride 2, each channel with its own kernel: x [B, H, W, C], or [B, H, W, 1], whose channel goes to
   * all C; weights [9, C], bias [C] → [B, H', W', C]. padding: zeros at the top, bottom, left and right, 0 to 2 each, 1 by
   * default; H' = ⌊(H + top + bottom - 1) / 2⌋.
   */
  stridedDepthwise(
    x: MxArray,
    weights: MxArray,
    bias: MxArray,
    options?: StreamOption & {
      relu?: boolean;
      padding?: readonly [top: number, bottom: number, left: number, right: number];
    },
  ): MxArray;
  /** x + sin²(alpha x) / (beta + 1e-9): x [B, T, C], alpha and beta [C] → [B, T, C]. */
  snake(x: MxArray, alpha: MxArray, beta: MxArray, options?: StreamOption): MxArray;
  /**
   * The same at twice the sample rate: x is doubled by the low-pass filter taps [12], whose ends repeat the first and the last
   * frame, and halved again by it.
   */
  antiAliasedSnake(x: MxArray, alpha: MxArray, beta: MxArray, taps: MxArray, options?: StreamOption): MxArray;
  /**
   * Convolution of each channel with its own kernel, with zeros on both sides: x [B, T, C]; weights [K, C], K odd and at most
   * 65; bias [C] → [B, T, C]. dilation: 1 to 1024.
   */
  dilatedDepthwise(
    x: MxArray,
    weights: MxArray,
    bias: MxArray,
    options?: StreamOption & { dilation?: number },
  ): MxArray;
  /**
   * Relative attention over audio in chunks of R frames: the frames of a chunk see each other and K frames before it.
   * qkv [1, T, 3 H D]; distances [K + 2 R - 1, H D]: the keys of the distances K + R - 1 … -(R - 1); u and v [H, D] as in
   * `relativeAttention`; past [1, C, 2 H D]: keys beside values of the C ≤ K frames before. A chunk's bits don't depend
   * on the number of chunks in a call.
   *
   * @returns [1, T, H D], and the past of the next call
   */
  causalAttention(
    qkv: MxArray,
    distances: MxArray,
    u: MxArray,
    v: MxArray,
    chunkFrames: number,
    options?: StreamOption & { past?: MxArray | null },
  ): [attended: MxArray, past: MxArray];
  /**
   * SiLU of the layer norm of a depthwise convolution over a gated frame and those before it: x [1, T, 2 C], whose second
   * half gates the first; past [1, K - 1, C]: gated frames before; weights [K, C], K at most 65; the others [C].
   *
   * @returns [1, T, C], and the past of the next call
   */
  causalDepthwise(
    x: MxArray,
    past: MxArray,
    weights: MxArray,
    normWeight: MxArray,
    normBias: MxArray,
    eps: number,
    options?: StreamOption & { bias?: MxArray | null },
  ): [convolved: MxArray, past: MxArray];
  /**
   * Greedy decoding of a transducer, B ≤ 16 sequences side by side; each gets the same bits as alone. frames [B, T, J]:
   * features projected for the joint. walk int32 [B, 3]: the frame to start at, the symbols that it has emitted, the number of
   * frames. state [B, 2 L, U]: output and cell of each recurrent layer after the last token. weights: panels, scales, biases and
   * bias of the embedding (tokens + 1 rows, no bias), of the prediction's projection and of the output layer (tokens + 1 +
   * durations); then panels Wx, panels Wh and bias of each recurrent layer, gates in, forget, cell, out. null for a missing
   * array. The joint is ReLU, or tanh. A sequence stops after `limit` emissions.
   *
   * @returns walk int32 [B, 1 + limit, 3]: first the number of emissions, the next frame and its symbols; then token, frame and
   * duration of each; their log-probabilities [B, 1 + limit], the first unused; the state after the last token
   */
  decodeTransducer(
    frames: MxArray,
    walk: MxArray,
    state: MxArray,
    weights: readonly (MxArray | null)[],
    tokens: number,
    durations: readonly number[],
    maxSymbols: number,
    limit: number,
    options?: StreamOption & { tanh?: boolean },
  ): [walk: MxArray, logprobs: MxArray, state: MxArray];
  /** Logits [R, V] float32 → [index of the largest [R] int32, its log-probability [R]]. */
  argmax(logits: MxArray, options?: StreamOption): [index: MxArray, logprob: MxArray];
  /**
   * The k largest of each row of logits [R, V] float32 in descending order, the first of equals first → indices [R, k] int32,
   * log-probabilities [R, k] and log Σ e^x [R, 1]. Where fewer than k are above -∞, the index is 0 and the log-probability not
   * finite.
   *
   * @throws InvalidArgument unless 1 ≤ k ≤ V
   */
  topK(
    logits: MxArray,
    k: number,
    options?: StreamOption,
  ): [index: MxArray, logprobs: MxArray, logNormalizer: MxArray];
  /** Whether to use `panels` and `lstm`. They are in every build; `SOTTO_CPU_ISA=none` turns them off. */
  lstmAvailable(): boolean;
  /**
   * An LSTM cell of U units over T steps. gates [T, 4 U]: the input's share of each gate (in, forget, cell,
   * out). wh: the recurrent weights [4 U, U] in float32 panels. state [2, U]: last output and cell → outputs
   * [T, U] and the new state.
   */
  lstm(
    gates: MxArray,
    wh: MxArray,
    state: MxArray,
    options?: StreamOption,
  ): [outputs: MxArray, state: MxArray];
}
