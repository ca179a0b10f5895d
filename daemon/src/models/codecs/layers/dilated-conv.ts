/** A dilated convolution as one product: frames whose distance is the dilation lie side by side, as a batch of their own. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { padTime, sliceTime } from './pad-time.js';

/** Without padding or stride. On the CPU MLX's dilated convolution is several times slower. */
export class DilatedConv1d extends nn.Module {
  conv: nn.AnyConv1d;
  readonly dilation: number;
  readonly padding: number;
  readonly kernelSize: number;

  /** Takes over the weights of `conv`. */
  constructor({ weight, bias, dilation, padding }: nn.Conv1d) {
    super();
    const [outputs = 0, kernelSize = 0, inputs = 0] = weight.shape;
    this.conv = new nn.Conv1d(inputs, outputs, kernelSize, { bias: bias !== null });
    this.conv.loadWeights(bias ? { weight, bias } : { weight });
    this.dilation = dilation;
    this.padding = padding;
    this.kernelSize = kernelSize;
  }

  static canReplace({ stride, dilation, groups }: nn.Conv1d): boolean {
    return dilation > 1 && stride === 1 && groups === 1;
  }

  /** [B, T, inputs] → [B, T + 2 padding - dilation (kernelSize - 1), outputs] */
  forward(x: MxArray): MxArray {
    return this.fused(x, {});
  }

  /** The layer with the ops around it; a residual is added in the order of time. */
  fused(x: MxArray, { residual, ...ops }: nn.FusedOps): MxArray {
    const { dilation, padding } = this;
    const [batch = 0, length = 0, channels = 0] = x.shape;
    const rows = Math.ceil((length + 2 * padding) / dilation);
    const padded = padTime(x, padding, rows * dilation - length - padding, 'constant');
    const phases = mx.transpose(mx.reshape(padded, [batch, rows, dilation, channels]), [0, 2, 1, 3]);
    const y = this.conv.fused(mx.reshape(phases, [batch * dilation, rows, channels]), ops);
    const [, kept = 0, outputs = 0] = y.shape;
    const inOrder = mx.transpose(mx.reshape(y, [batch, dilation, kept, outputs]), [0, 2, 1, 3]);
    const wanted = length + 2 * padding - dilation * (this.kernelSize - 1);
    const all = sliceTime(mx.reshape(inOrder, [batch, kept * dilation, outputs]), 0, wanted);
    return residual ? mx.add(all, residual) : all;
  }
}
