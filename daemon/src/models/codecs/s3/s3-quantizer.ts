/** One code for each latent. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { NormedCodebook, PanelCodebook } from '../layers/fused-codebooks.js';
import { EuclideanCodebook } from '../layers/rvq.js';
import { DIGITS, LEVELS } from './s3-config.js';

/** Below it a latent has no direction. */
const MIN_LENGTH = 1e-12;
/** As the models were exported: a number near 1 still rounds to 1. */
const BOUND = 0.9990000128746033;

export interface Quantizer extends nn.Module {
  /** Latents [B, T, D] → uint32 [B, T] */
  encode(x: MxArray): MxArray;
}

/** v1: the nearest row to the direction of the latent. */
export class VectorQuantizer extends nn.Module implements Quantizer {
  codebook: EuclideanCodebook | NormedCodebook | PanelCodebook;

  constructor(rows: number, dims: number) {
    super();
    this.codebook = new EuclideanCodebook(rows, dims);
  }

  encode(x: MxArray): MxArray {
    const length = mx.sqrt(mx.sum(mx.square(x), -1, true));
    return this.codebook.encode(mx.divide(x, mx.maximum(length, MIN_LENGTH)));
  }
}

class ScalarCodebook extends nn.Module {
  project_down: nn.AnyLinear;

  constructor(dims: number) {
    super();
    this.project_down = new nn.Linear(dims, DIGITS);
  }
}

/** v2 and v3: each of a few numbers is rounded, and they are the digits of the code (FSQ, arXiv 2309.15505). */
export class ScalarQuantizer extends nn.Module implements Quantizer {
  codebook: ScalarCodebook;

  constructor(dims: number) {
    super();
    this.codebook = new ScalarCodebook(dims);
  }

  encode(x: MxArray): MxArray {
    const digits = mx.add(mx.round(this.numbers(x)), 1);
    const places = mx.array(Float32Array.from({ length: DIGITS }, (_, i) => LEVELS ** i));
    return mx.astype(mx.sum(mx.multiply(digits, places), -1), 'uint32');
  }

  /** Numbers that are rounded to -1, 0 or 1: [B, T, D] → [B, T, 8] */
  numbers(x: MxArray): MxArray {
    return mx.multiply(mx.tanh(this.codebook.project_down.forward(x)), BOUND);
  }
}
