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
  readonly groups: number;
  readonly kernelSize: number;

  /** Takes over the weights of `conv`. */
  constructor({ weight, bias, stride, groups, kernelSize }: TransposedConv1d) {
    super();
    const [outputs = 0, , inputs = 0] = weight.shape;
    const places = Math.ceil(kernelSize / stride);
    this.conv = new nn.Conv1d(groups * inputs, stride * outputs, places, { groups, bias: bias !== null });
    const arrays = mx.tidy(() => {
      const padded = padTime(weight, 0, places * stride - kernelSize, 'constant');
      const ofGroups = mx.reshape(padded, [groups, outputs / groups, places, stride, inputs]);
      // The latest input comes last in a convolution.
      const ordered = mx.transpose(mx.flip(ofGroups, 2), [0, 3, 1, 2, 4]);
      const rows = mx.contiguous(mx.reshape(ordered, [stride * outputs, places, inputs]));
      return { weight: rows, ...(bias && { bias: tiled(bias, groups, stride) }) };
    });
    this.conv.loadWeights(arrays);
    mx.dispose(weight, bias);
    this.stride = stride;
    this.groups = groups;
    this.kernelSize = kernelSize;
  }

  /** Where each channel is a group, a product has nothing to sum. */
  static canReplace({ weight, groups, kernelSize, stride }: TransposedConv1d): boolean {
    return (groups === 1 || (weight.shape[2] ?? 0) > 1) && kernelSize >= stride;
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
    const { stride, groups } = this;
    const [batch = 0, frames = 0, width = 0] = y.shape;
    const outputs = width / stride;
    if (groups === 1) return mx.reshape(y, [batch, frames * stride, outputs]);
    const ofGroups = mx.reshape(y, [batch, frames, groups, stride, outputs / groups]);
    return mx.reshape(mx.transpose(ofGroups, [0, 1, 3, 2, 4]), [batch, frames * stride, outputs]);
  }
}

/** A bias [outputs] for each of `stride` frames within a group: [stride · outputs] */
function tiled(bias: MxArray, groups: number, stride: number): MxArray {
  const rows = mx.reshape(bias, [groups, 1, bias.size / groups]);
  return mx.reshape(mx.tile(rows, [1, stride, 1]), [-1]);
}
