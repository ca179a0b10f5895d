import { mx, type MxArray } from '../index.js';
import { Module } from './module.js';

export interface RoPEOptions {
  /** Rotate adjacent pairs, as in the paper, instead of the two halves. */
  traditional?: boolean;
  /** Slowest wavelength, in positions, over 2π. */
  base?: number;
  /** Scale of the positions. */
  scale?: number;
}

/** Rotary position embedding (arXiv 2104.09864) of the first `dims` features. */
export class RoPE extends Module {
  readonly dims: number;
  readonly traditional: boolean;
  readonly base: number;
  readonly scale: number;

  constructor(dims: number, { traditional = false, base = 10_000, scale = 1 }: RoPEOptions = {}) {
    super();
    this.dims = dims;
    this.traditional = traditional;
    this.base = base;
    this.scale = scale;
  }

  /** [B, ..., T, D] → same shape; `offset` is the position of the first of T, e.g. the KV cache's length. */
  forward(x: MxArray, offset = 0): MxArray {
    const { traditional, base, scale } = this;
    return mx.fast.rope(x, this.dims, { traditional, base, scale, offset });
  }
}
