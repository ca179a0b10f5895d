import { mx, type MxArray } from '../index.js';
import { around, type Around } from './around.js';
import { Module, parameter } from './module.js';

/** A row per token. */
export class Embedding extends Module {
  weight: MxArray; // [vocabulary, dims]

  constructor(vocabulary: number, dims: number) {
    super();
    this.weight = parameter([vocabulary, dims]);
  }

  /** Token ids [...] → [..., dims]. MLX does not check ids: one outside the vocabulary reads foreign memory. */
  forward(ids: MxArray): MxArray {
    return mx.take(this.weight, ids, 0);
  }

  /** The same weight as an output layer, for models that tie the two: [..., dims] → logits [..., vocabulary] */
  asLinear(x: MxArray, beside: Around = {}): MxArray {
    return around(x, beside, (input) => mx.matmul(input, mx.transpose(this.weight)));
  }
}
