import { mx, type MxArray } from '../index.js';
import { fusedProduct, type FusedOps } from './fused-product.js';
import { Module, parameter } from './module.js';

/**
 * y = x Wᵀ + b
 *
 * @example
 * const layer = new nn.Linear(384, 1536).loadWeights({ weight, bias });
 * const y = layer.forward(x); // [..., 384] → [..., 1536]
 */
export class Linear extends Module {
  weight: MxArray; // [outputDims, inputDims]
  bias: MxArray | null; // [outputDims]

  constructor(inputDims: number, outputDims: number, { bias = true }: { bias?: boolean } = {}) {
    super();
    this.weight = parameter([outputDims, inputDims]);
    this.bias = bias ? parameter([outputDims]) : null;
  }

  /** [..., inputDims] → [..., outputDims] */
  forward(x: MxArray): MxArray {
    const weight = mx.transpose(this.weight);
    return this.bias ? mx.addmm(this.bias, x, weight) : mx.matmul(x, weight);
  }

  /** The layer with the ops around it. */
  fused(x: MxArray, ops: FusedOps): MxArray {
    return fusedProduct(x, ops, (input) => this.forward(input));
  }
}
