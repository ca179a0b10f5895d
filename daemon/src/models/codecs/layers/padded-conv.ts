/** A convolution that pads its input so that T frames give ⌈T / stride⌉, on the left only if it is causal. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './chunk-pass.js';
import type { DilatedConv1d } from './dilated-conv.js';
import { padTime, sliceTime, type PadMode } from './pad-time.js';

export interface PaddedConvOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly isCausal?: boolean;
  readonly padMode?: PadMode;
  /** A norm of one group over all frames and channels of the output. */
  readonly norm?: boolean;
}

/** Ops in the pass of the convolution. */
export type ConvOps = Pick<nn.FusedOps, 'elu' | 'residual'>;

export class PaddedConv1d extends nn.Module {
  conv: nn.AnyConv1d | DilatedConv1d;
  norm: nn.GroupNorm | null;
  readonly stride: number;
  /** Frames that the dilated kernel covers. */
  readonly reach: number;
  readonly isCausal: boolean;
  readonly padMode: PadMode;

  constructor(inputs: number, outputs: number, kernelSize: number, options: PaddedConvOptions = {}) {
    super();
    const {
      stride = 1,
      dilation = 1,
      groups = 1,
      bias = true,
      isCausal = true,
      padMode = 'reflect',
      norm = false,
    } = options;
    this.conv = new nn.Conv1d(inputs, outputs, kernelSize, { stride, dilation, groups, bias });
    this.norm = norm ? new nn.GroupNorm(1, outputs) : null;
    this.stride = stride;
    this.reach = (kernelSize - 1) * dilation + 1;
    this.isCausal = isCausal;
    this.padMode = padMode;
  }

  /** Frames of padding that don't depend on the length of the input. */
  get padding(): number {
    return this.reach - this.stride;
  }

  /** [B, T, inputs] → [B, ⌈T / stride⌉, outputs] @param ops behind the convolution, and the norm if there is one */
  forward(x: MxArray, ops: ConvOps = {}): MxArray {
    const { padding } = this;
    const right = this.isCausal ? 0 : Math.floor(padding / 2);
    return this.#convolve(padTime(x, padding - right, right + this.#missing(x), this.padMode), ops);
  }

  /**
   * A chunk of a stream, as `forward` computes it in the whole signal; only for causal convolutions without a norm. All
   * chunks but the last must be multiples of the stride, and the first one longer than the padding if that is reflected.
   */
  stream(x: MxArray, pass: ChunkPass, ops: ConvOps = {}): MxArray {
    const { padding } = this;
    const padded =
      padding === 0
        ? x
        : pass.exchange((before) => {
            const joined = before ? mx.concatenate([before, x], 1) : padTime(x, padding, 0, this.padMode);
            const length = joined.shape[1] ?? 0;
            return [joined, sliceTime(joined, length - padding, length)];
          });
    const missing = this.#missing(x);
    return this.#convolve(this.#paddedAtEnd(padded, x, missing, pass), ops);
  }

  /** What the last frames lack for a full stride. Padding mirrors the signal, never its own padding. */
  #paddedAtEnd(padded: MxArray, x: MxArray, missing: number, pass: ChunkPass): MxArray {
    if (missing === 0) return padded;
    if (!pass.isLast) throw new RangeError('a chunk is no multiple of the stride');
    if (!pass.isFirst) return padTime(padded, 0, missing, this.padMode);
    return padTime(x, this.padding, missing, this.padMode);
  }

  /** Frames that x [B, T, inputs] lacks for a full stride. */
  #missing(x: MxArray): number {
    return (this.stride - ((x.shape[1] ?? 0) % this.stride)) % this.stride;
  }

  #convolve(x: MxArray, ops: ConvOps): MxArray {
    if (!this.norm) return this.conv.fused(x, ops);
    const y = this.norm.forward(this.conv.forward(x));
    const activated = ops.elu === true ? nn.elu(y) : y;
    return ops.residual ? mx.add(activated, ops.residual) : activated;
  }
}
