import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

/** A depthwise convolution as the CPU kernels read it. Takes over the arrays of the layer. */
export class DepthwiseWeights extends nn.Module {
  weights: MxArray; // [taps, channels]
  bias: MxArray | null; // [channels]

  constructor({ weight, bias }: nn.Conv1d | nn.Conv2d) {
    super();
    const [channels = 0] = weight.shape;
    this.weights = mx.keep(mx.tidy(() => mx.contiguous(mx.transpose(mx.reshape(weight, [channels, -1])))));
    this.bias = bias;
    weight.dispose();
  }
}

/** @throws RangeError for a layer without a bias */
export function biasOf({ bias }: DepthwiseWeights): MxArray {
  if (bias === null) throw new RangeError('a depthwise convolution without a bias');
  return bias;
}
