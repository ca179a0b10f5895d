/** The generator of HiFi-GAN, a vocoder (Kong et al., arXiv 2010.05646). Fields carry the names of the checkpoint's tensors. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { DilatedConv1d } from '../layers/dilated-conv.js';
import type { Layer } from '../layers/residual-unit.js';
import { Upsample } from '../layers/upsample.js';
import type { HifiGanConfig } from './hifigan-config.js';

const SLOPE = 0.1;
/** PyTorch's default, which the reference has before its last convolution. */
const LAST_SLOPE = 0.01;

const leakyRelu = (x: MxArray, slope = SLOPE): MxArray => mx.maximum(x, mx.multiply(x, slope));

type SameConv = nn.AnyConv1d | DilatedConv1d;

const sameConv = (channels: number, kernel: number, dilation: number): nn.Conv1d =>
  new nn.Conv1d(channels, channels, kernel, { dilation, padding: ((kernel - 1) * dilation) / 2 });

/** Each dilated convolution is followed by a plain one. */
class ResBlock1 extends nn.Module {
  convs1: SameConv[];
  convs2: SameConv[];

  constructor(channels: number, kernel: number, dilations: readonly number[]) {
    super();
    this.convs1 = dilations.map((dilation) => sameConv(channels, kernel, dilation));
    this.convs2 = dilations.map(() => sameConv(channels, kernel, 1));
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    for (const [i, conv] of this.convs1.entries()) {
      const next = this.convs2[i];
      if (!next) throw new RangeError('a convolution without its second one');
      x = next.fused(leakyRelu(conv.forward(leakyRelu(x))), { residual: x });
    }
    return x;
  }
}

class ResBlock2 extends nn.Module {
  convs: SameConv[];

  constructor(channels: number, kernel: number, dilations: readonly number[]) {
    super();
    this.convs = dilations.map((dilation) => sameConv(channels, kernel, dilation));
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    for (const conv of this.convs) x = conv.fused(leakyRelu(x), { residual: x });
    return x;
  }
}

export class HifiGan extends nn.Module {
  conv_pre: Layer;
  ups: Upsample[];
  resblocks: (ResBlock1 | ResBlock2)[]; // those of all kernels of a stage, then those of the next stage
  conv_post: Layer;
  readonly config: HifiGanConfig;

  constructor(config: HifiGanConfig) {
    super();
    this.config = config;
    const { upsample_initial_channel: first, upsample_kernel_sizes: kernels } = config;
    this.conv_pre = new nn.Conv1d(config.num_mels, first, 7, { padding: 3 });
    this.ups = config.upsample_rates.map((stride, i) => {
      const kernel = kernels[i] ?? stride;
      const padding = (kernel - stride) / 2;
      return new Upsample(first / 2 ** i, first / 2 ** (i + 1), kernel, { stride, trim: [padding, padding] });
    });
    const Block = config.resblock === '1' ? ResBlock1 : ResBlock2;
    this.resblocks = config.upsample_rates.flatMap((_, i) =>
      config.resblock_kernel_sizes.map(
        (kernel, j) => new Block(first / 2 ** (i + 1), kernel, config.resblock_dilation_sizes[j] ?? []),
      ),
    );
    const last = first / 2 ** config.upsample_rates.length;
    this.conv_post = new nn.Conv1d(last, 1, 7, { padding: 3, bias: config.use_bias_at_final });
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from features [B, T, num_mels] to samples [B, T · hop, 1]. */
  steps(): ((x: MxArray) => MxArray)[] {
    const kernels = this.config.resblock_kernel_sizes.length;
    return [
      (x) => this.conv_pre.forward(x),
      ...this.ups.flatMap((up, i) => [
        (x: MxArray) => up.forward(leakyRelu(x)),
        (x: MxArray) => mean(this.resblocks.slice(i * kernels, (i + 1) * kernels), x),
      ]),
      (x) => mx.tanh(this.conv_post.forward(leakyRelu(x, LAST_SLOPE))),
    ];
  }
}

/** The mean of the blocks’ outputs. */
function mean(blocks: readonly Layer[], x: MxArray): MxArray {
  const sum = blocks.map((block) => block.forward(x)).reduce((all, own) => mx.add(all, own));
  return mx.divide(sum, blocks.length);
}
