/** A transposed convolution as one matrix product and sums of shifted blocks, which is faster than MLX’s on the CPU. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { padTime, sliceTime } from './pad-time.js';
import type { TransposedConv1d } from './upsample.js';

export class TransposedProduct extends nn.Module {
  /** Inputs → outputs of each place of the kernel, which is padded to a multiple of the stride: [blocks · stride · outputs, inputs] */
  product: nn.AnyLinear;
  bias: MxArray | null; // [outputs]
  readonly stride: number;
  readonly kernelSize: number;

  /** Takes over the weights of `conv`. */
  constructor({ weight, bias, stride, kernelSize }: TransposedConv1d) {
    super();
    const [outputs = 0, , inputs = 0] = weight.shape;
    const places = Math.ceil(kernelSize / stride) * stride;
    this.product = new nn.Linear(inputs, places * outputs, { bias: false });
    const rows = mx.tidy(() => {
      const byPlace = mx.transpose(padTime(weight, 0, places - kernelSize, 'constant'), [1, 0, 2]);
      return mx.contiguous(mx.reshape(byPlace, [places * outputs, inputs]));
    });
    this.product.loadWeights({ weight: rows });
    weight.dispose();
    this.bias = bias;
    this.stride = stride;
    this.kernelSize = kernelSize;
  }

  static canReplace({ groups, kernelSize, stride }: TransposedConv1d): boolean {
    return groups === 1 && kernelSize >= stride;
  }

  /** Without the bias: [B, T, inputs] → [B, (T - 1) stride + kernelSize, outputs] */
  spread(x: MxArray): MxArray {
    const [batch = 0, frames = 0] = x.shape;
    const y = this.product.forward(x);
    const blocks = Math.ceil(this.kernelSize / this.stride);
    const width = (y.shape[2] ?? 0) / blocks; // stride · outputs
    let sum: MxArray | undefined;
    for (const [i, block] of mx.split(y, blocks, 2).entries()) {
      const placed = padTime(block, i, blocks - 1 - i, 'constant');
      sum = sum ? mx.add(sum, placed) : placed;
    }
    const all = mx.reshape(sum ?? y, [batch, (frames + blocks - 1) * this.stride, width / this.stride]);
    return sliceTime(all, 0, (frames - 1) * this.stride + this.kernelSize);
  }
}
