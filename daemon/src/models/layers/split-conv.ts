/** A grouped 1-d convolution as one convolution a group: on the CPU each is a fast product of its own. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

export class SplitConv1d extends nn.Module {
  /** One for each group, over its channels. */
  groups: nn.AnyConv1d[];

  /** Takes over the weights of `conv`. */
  constructor(conv: nn.Conv1d) {
    super();
    const { weight, bias, groups, stride, padding, dilation } = conv;
    const [outputs = 0, kernelSize = 0, inputs = 0] = weight.shape;
    const size = outputs / groups;
    const rows = (array: MxArray, i: number): MxArray => {
      const rest = array.shape.slice(1);
      const [start, end] = [
        [i * size, ...rest.map(() => 0)],
        [(i + 1) * size, ...rest],
      ];
      return mx.keep(mx.tidy(() => mx.contiguous(mx.slice(array, start, end))));
    };
    this.groups = Array.from({ length: groups }, (_, i) => {
      const options = { stride, padding, dilation, bias: bias !== null };
      const part = new nn.Conv1d(inputs, size, kernelSize, options);
      return part.loadWeights({ weight: rows(weight, i), ...(bias && { bias: rows(bias, i) }) });
    });
    conv.dispose();
  }

  /** [B, T, inChannels] → [B, T', outChannels], with GELU if wanted. */
  fused(x: MxArray, ops: { readonly gelu?: boolean }): MxArray {
    const parts = mx.split(x, this.groups.length, 2);
    return mx.concatenate(
      this.groups.map((group, i) => group.fused(parts[i] ?? x, ops)),
      2,
    );
  }
}
