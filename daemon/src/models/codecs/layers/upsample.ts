/** Transposed convolutions: each input frame spreads over the kernel, and overlapping frames add up. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './chunk-pass.js';
import { padTime, sliceTime } from './pad-time.js';
import type { TransposedProduct } from './transposed-product.js';

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

  /** Without the bias: [B, T, inputs] → [B, (T - 1) stride + kernelSize, outputs] */
  spread(x: MxArray): MxArray {
    return mx.convTranspose1d(x, this.weight, this.stride, 0, 1, 0, this.groups);
  }
}

export interface UpsampleOptions {
  readonly stride: number;
  readonly groups?: number;
  readonly bias?: boolean;
  /** Frames cut off at the start and at the end. */
  readonly trim: readonly [left: number, right: number];
  /** Frames more at the end, which PyTorch calls `output_padding`. */
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
  conv: TransposedConv1d | TransposedProduct;
  norm: nn.GroupNorm | null;
  readonly stride: number;
  readonly trim: readonly [left: number, right: number];
  readonly outputPadding: number;
  /** Frames that a frame adds to those of the next one. */
  readonly overlap: number;

  constructor(inputs: number, outputs: number, kernelSize: number, options: UpsampleOptions) {
    super();
    const { stride, trim, outputPadding = 0, norm = false } = options;
    if (kernelSize < stride) throw new RangeError('the kernel is shorter than the stride');
    this.conv = new TransposedConv1d(inputs, outputs, kernelSize, options);
    this.norm = norm ? new nn.GroupNorm(1, outputs) : null;
    this.stride = stride;
    this.trim = trim;
    this.outputPadding = outputPadding;
    this.overlap = kernelSize - stride;
  }

  /** [B, T, inputs] → [B, T · stride + overlap - left - right + outputPadding, outputs] */
  forward(x: MxArray): MxArray {
    const { trim, outputPadding } = this;
    const full = this.#withBias(padTime(this.conv.spread(x), 0, outputPadding, 'constant'));
    const y = this.norm ? this.norm.forward(full) : full;
    return sliceTime(y, trim[0], (y.shape[1] ?? 0) - trim[1]);
  }

  /** A chunk of a stream, as `forward` computes it in the whole signal; only with `causalTrim` and without a norm. */
  stream(x: MxArray, pass: ChunkPass): MxArray {
    const { overlap } = this;
    const full = this.conv.spread(x);
    if (overlap === 0) return this.#withBias(full);
    const length = (x.shape[1] ?? 0) * this.stride;
    // The tail has no bias yet: it is added once, with the frames of the next chunk.
    const y = pass.exchange((before) => {
      const joined = before ? mx.add(full, padTime(before, 0, length, 'constant')) : full;
      return [sliceTime(joined, 0, length), sliceTime(joined, length, length + overlap)];
    });
    return this.#withBias(y);
  }

  #withBias(x: MxArray): MxArray {
    return this.conv.bias ? mx.add(x, this.conv.bias) : x;
  }
}
