import { mx, type MxArray } from '../index.js';
import { fusedLinear, type FusedArgs } from './fused-linear.js';
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
  forward(x: MxArray, fused: FusedArgs = {}): MxArray {
    return fusedLinear(x, fused, (input) => {
      const weight = mx.transpose(this.weight);
      return this.bias ? mx.addmm(this.bias, input, weight) : mx.matmul(input, weight);
    });
  }
}
