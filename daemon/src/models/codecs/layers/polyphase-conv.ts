/**
 * A transposed convolution as a plain one: frame t of the input starts `stride` frames of the output, which are sums over the
 * inputs t, t - 1, … Those are the channels of a convolution with ⌈kernelSize / stride⌉ places, so one product computes all,
 * several times as fast as MLX's on the CPU.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { padTime, sliceTime } from './pad-time.js';
import type { TransposedConv1d } from './upsample.js';

export class PolyphaseConv1d extends nn.Module {
  conv: nn.AnyConv1d; // inputs → stride · outputs
  readonly stride: number;
  readonly kernelSize: number;

  /** Takes over the weights of `conv`. */
  constructor({ weight, bias, stride, kernelSize }: TransposedConv1d) {
    super();
    const [outputs = 0, , inputs = 0] = weight.shape;
    const places = Math.ceil(kernelSize / stride);
    this.conv = new nn.Conv1d(inputs, stride * outputs, places, { bias: bias !== null });
    const arrays = mx.tidy(() => {
      const padded = padTime(weight, 0, places * stride - kernelSize, 'constant');
      // The latest input comes last in a convolution.
      const ofPlaces = mx.flip(mx.reshape(padded, [outputs, places, stride, inputs]), 1);
      const rows = mx.reshape(mx.transpose(ofPlaces, [2, 0, 1, 3]), [stride * outputs, places, inputs]);
      return { weight: mx.contiguous(rows), ...(bias && { bias: mx.tile(bias, stride) }) };
    });
    this.conv.loadWeights(arrays);
    mx.dispose(weight, bias);
    this.stride = stride;
    this.kernelSize = kernelSize;
  }

  static canReplace({ groups, kernelSize, stride }: TransposedConv1d): boolean {
    return groups === 1 && kernelSize >= stride;
  }

  /** [B, T, inputs] → [B, (T - 1) stride + kernelSize, outputs] */
  forward(x: MxArray): MxArray {
    const reach = Math.ceil(this.kernelSize / this.stride) - 1;
    const all = this.forwardAfter(reach, padTime(x, reach, reach, 'constant'));
    return sliceTime(all, 0, ((x.shape[1] ?? 0) - 1) * this.stride + this.kernelSize);
  }

  /** The frames that the inputs behind the first ones start, which reach into them: [B, known + T, inputs] → [B, T stride, outputs] */
  forwardAfter(_known: number, x: MxArray): MxArray {
    const y = this.conv.forward(x);
    const [batch = 0, frames = 0, width = 0] = y.shape;
    return mx.reshape(y, [batch, frames * this.stride, width / this.stride]);
  }
}
