import { mx, type MxArray } from '../index.js';
import { Module, parameter } from './module.js';

export interface NormOptions {
  eps?: number;
  /** Learn a factor (and, except for RMSNorm, an offset) per channel. */
  affine?: boolean;
}

/** Over the last axis; statistics in float32. */
export class LayerNorm extends Module {
  weight: MxArray | null; // [dims]
  bias: MxArray | null; // [dims]
  readonly eps: number;

  constructor(
    dims: number,
    { eps = 1e-5, affine = true, bias = true }: NormOptions & { bias?: boolean } = {},
  ) {
    super();
    this.weight = affine ? parameter([dims], 'float32', 1) : null;
    this.bias = affine && bias ? parameter([dims]) : null;
    this.eps = eps;
  }

  /** [..., dims] → [..., dims] */
  forward(x: MxArray): MxArray {
    return mx.fast.layerNorm(x, this.weight, this.bias, this.eps);
  }
}

/** Root mean square without the mean (arXiv 1910.07467). */
export class RMSNorm extends Module {
  weight: MxArray; // [dims]
  readonly eps: number;

  constructor(dims: number, { eps = 1e-5 }: { eps?: number } = {}) {
    super();
    this.weight = parameter([dims], 'float32', 1);
    this.eps = eps;
  }

  /** [..., dims] → [..., dims] */
  forward(x: MxArray): MxArray {
    return mx.fast.rmsNorm(x, this.weight, this.eps);
  }
}

/** Over all positions and the channels of a group, grouped as in PyTorch (arXiv 1803.08494). */
export class GroupNorm extends Module {
  weight: MxArray | null; // [dims]
  bias: MxArray | null; // [dims]
  readonly groups: number;
  readonly eps: number;

  constructor(groups: number, dims: number, { eps = 1e-5, affine = true }: NormOptions = {}) {
    super();
    if (dims % groups !== 0) throw new RangeError(`${dims} channels do not divide into ${groups} groups`);
    this.weight = affine ? parameter([dims], 'float32', 1) : null;
    this.bias = affine ? parameter([dims]) : null;
    this.groups = groups;
    this.eps = eps;
  }

  /** [B, ..., dims] → [B, ..., dims] */
  forward(x: MxArray): MxArray {
    const [batch = 0] = x.shape;
    const dims = x.shape.at(-1) ?? 0;
    const perGroup = dims / this.groups;
    const grouped = mx.transpose(mx.reshape(x, [batch, -1, this.groups, perGroup]), [0, 2, 1, 3]); // [B, G, N, D/G]
    const flat = mx.reshape(grouped, [batch, this.groups, -1]);
    const normed = mx.fast.layerNorm(flat, null, null, this.eps);
    const separated = mx.reshape(normed, [batch, this.groups, -1, perGroup]);
    const y = mx.reshape(mx.transpose(separated, [0, 2, 1, 3]), [...x.shape]);
    return this.weight && this.bias ? mx.add(mx.multiply(y, this.weight), this.bias) : y;
  }
}
