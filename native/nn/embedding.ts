import { mx, type MxArray } from '../index.js';
import { fusedLinear, type FusedArgs } from './fused-linear.js';
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
  asLinear(x: MxArray, fused: FusedArgs = {}): MxArray {
    return fusedLinear(x, fused, (input) => mx.matmul(input, mx.transpose(this.weight)));
  }
}
