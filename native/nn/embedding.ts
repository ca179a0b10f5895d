import { mx, type MxArray } from '../index.js';
import { Module, parameter } from './module.js';

export class Embedding extends Module {
  weight: MxArray; // [vocabulary, dims]

  constructor(vocabulary: number, dims: number) {
    super();
    this.weight = parameter([vocabulary, dims]);
  }

  /** Token ids [...] → [..., dims]. MLX does not check ids: an id out of range reads foreign memory. */
  forward(ids: MxArray): MxArray {
    return mx.take(this.weight, ids, 0);
  }

  /**
   * The same weight as an output layer, for models with tied embeddings: [..., dims] → logits [...,
   * vocabulary]
   */
  asLinear(x: MxArray): MxArray {
    return mx.matmul(x, mx.transpose(this.weight));
  }
}
