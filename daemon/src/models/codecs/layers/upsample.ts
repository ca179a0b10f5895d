/** Transposed convolutions: each input frame spreads over the kernel, and overlapping frames add up. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './chunk-pass.js';
import { padTime, sliceTime } from './pad-time.js';
import type { PolyphaseConv1d } from './polyphase-conv.js';

/** weight [outputs, kernelSize, inputs / groups] */
export class TransposedConv1d extends nn.Module {
  weight: MxArray;
  bias: MxArray | null; // [outputs]
  readonly stride: number;
  readonly groups: number;
  readonly kernelSize: number;

  constructor(
    inputs: number,
    outputs: number,
    kernelSize: number,
    { stride = 1, groups = 1, bias = true }: { stride?: number; groups?: number; bias?: boolean } = {},
  ) {
    super();
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new RangeError(`${inputs} and ${outputs} channels do not divide into ${groups} groups`);
    }
    this.weight = nn.parameter([outputs, kernelSize, inputs / groups]);
    this.bias = bias ? nn.parameter([outputs]) : null;
    this.stride = stride;
    this.groups = groups;
    this.kernelSize = kernelSize;
  }

  /** [B, T, inputs] → [B, (T - 1) stride + kernelSize, outputs] */
  forward(x: MxArray): MxArray {
    const y = mx.convTranspose1d(x, this.weight, this.stride, 0, 1, 0, this.groups);
    return this.bias ? mx.add(y, this.bias) : y;
  }

  /** The frames that the inputs behind the first `known` ones start: [B, known + T, inputs] → [B, T stride, outputs] */
  forwardAfter(known: number, x: MxArray): MxArray {
    return sliceTime(this.forward(x), known * this.stride, (x.shape[1] ?? 0) * this.stride);
  }
}

export interface UpsampleOptions {
  readonly stride: number;
  readonly groups?: number;
  readonly bias?: boolean;
  /** Frames cut off at the start and at the end. */
  readonly trim: readonly [left: number, right: number];
  /** Frames of the cut at the end that are kept, as PyTorch's `output_padding`. */
  readonly outputPadding?: number;
  /** A norm of one group over all frames and channels, before the cut. */
  readonly norm?: boolean;
}

/** Cut frames of a causal convolution: T frames give T · stride, and none depends on a later one. */
export const causalTrim = (kernelSize: number, stride: number): readonly [left: number, right: number] => [
  0,
  kernelSize - stride,
];

export class Upsample extends nn.Module {
  conv: TransposedConv1d | PolyphaseConv1d;
  norm: nn.GroupNorm | null;
  readonly trim: readonly [left: number, right: number];
  /** Frames before a frame that reach into its output. */
  readonly reach: number;

  constructor(inputs: number, outputs: number, kernelSize: number, options: UpsampleOptions) {
    super();
    const { stride, trim, outputPadding = 0, norm = false } = options;
    if (kernelSize < stride) throw new RangeError('the kernel is shorter than the stride');
    if (outputPadding > trim[1]) throw new RangeError('the output padding exceeds the cut');
    this.conv = new TransposedConv1d(inputs, outputs, kernelSize, options);
    this.norm = norm ? new nn.GroupNorm(1, outputs) : null;
    this.trim = [trim[0], trim[1] - outputPadding];
    this.reach = Math.ceil(kernelSize / stride) - 1;
  }

  /** [B, T, inputs] → [B, (T - 1) stride + kernelSize - left - right + outputPadding, outputs] */
  forward(x: MxArray): MxArray {
    const full = this.conv.forward(x);
    const y = this.norm ? this.norm.forward(full) : full;
    return sliceTime(y, this.trim[0], (y.shape[1] ?? 0) - this.trim[1]);
  }

  /** A chunk of a stream, as `forward` computes it in the whole signal; only with `causalTrim` and without a norm. */
  stream(x: MxArray, pass: ChunkPass): MxArray {
    const { reach } = this;
    if (reach === 0) return this.conv.forward(x);
    return pass.exchange((before) => {
      const joined = before ? mx.concatenate([before, x], 1) : padTime(x, reach, 0, 'constant');
      const length = joined.shape[1] ?? 0;
      return [this.conv.forwardAfter(reach, joined), sliceTime(joined, length - reach, length)];
    });
  }
}
