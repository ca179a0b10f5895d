/** BigVGAN, a vocoder (Lee et al., arXiv 2206.04658). Fields carry the names of the checkpoint's tensors. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { AntiAliased } from '../layers/anti-alias.js';
import type { DilatedConv1d } from '../layers/dilated-conv.js';
import type { Layer } from '../layers/residual-unit.js';
import { SnakeBeta } from '../layers/snake.js';
import { Upsample } from '../layers/upsample.js';
import type { BigVganConfig } from './bigvgan-config.js';

const activation = (channels: number, config: BigVganConfig): AntiAliased =>
  new AntiAliased(
    new SnakeBeta(channels, { hasBeta: config.activation === 'snakebeta', isLog: config.snake_logscale }),
  );

type SameConv = nn.AnyConv1d | DilatedConv1d;

const sameConv = (channels: number, kernel: number, dilation: number): nn.Conv1d =>
  new nn.Conv1d(channels, channels, kernel, { dilation, padding: ((kernel - 1) * dilation) / 2 });

/** Each dilated convolution is followed by a plain one. */
class AmpBlock1 extends nn.Module {
  convs1: SameConv[];
  convs2: SameConv[];
  activations: Layer[]; // before convs1 and convs2 in turn

  constructor(channels: number, kernel: number, dilations: readonly number[], config: BigVganConfig) {
    super();
    this.convs1 = dilations.map((dilation) => sameConv(channels, kernel, dilation));
    this.convs2 = dilations.map(() => sameConv(channels, kernel, 1));
    this.activations = dilations.flatMap(() => [activation(channels, config), activation(channels, config)]);
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    for (const [i, conv] of this.convs1.entries()) {
      const [first, second, next] = [this.activations[2 * i], this.activations[2 * i + 1], this.convs2[i]];
      if (!first || !second || !next) throw new RangeError('a block without its activations');
      x = next.fused(second.forward(conv.forward(first.forward(x))), { residual: x });
    }
    return x;
  }
}

class AmpBlock2 extends nn.Module {
  convs: SameConv[];
  activations: Layer[];

  constructor(channels: number, kernel: number, dilations: readonly number[], config: BigVganConfig) {
    super();
    this.convs = dilations.map((dilation) => sameConv(channels, kernel, dilation));
    this.activations = dilations.map(() => activation(channels, config));
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    for (const [i, conv] of this.convs.entries()) {
      const before = this.activations[i];
      if (!before) throw new RangeError('a block without its activations');
      x = conv.fused(before.forward(x), { residual: x });
    }
    return x;
  }
}

export class BigVgan extends nn.Module {
  conv_pre: Layer;
  ups: [Upsample][];
  resblocks: (AmpBlock1 | AmpBlock2)[]; // those of all kernels of a stage, then those of the next stage
  activation_post: Layer;
  conv_post: Layer;
  readonly config: BigVganConfig;

  constructor(config: BigVganConfig) {
    super();
    this.config = config;
    const { upsample_initial_channel: first, upsample_kernel_sizes: kernels } = config;
    this.conv_pre = new nn.Conv1d(config.num_mels, first, 7, { padding: 3 });
    this.ups = config.upsample_rates.map((stride, i) => {
      const kernel = kernels[i] ?? stride;
      const padding = (kernel - stride) / 2;
      return [
        new Upsample(first / 2 ** i, first / 2 ** (i + 1), kernel, { stride, trim: [padding, padding] }),
      ];
    });
    const Block = config.resblock === '1' ? AmpBlock1 : AmpBlock2;
    this.resblocks = config.upsample_rates.flatMap((_, i) =>
      config.resblock_kernel_sizes.map(
        (kernel, j) =>
          new Block(first / 2 ** (i + 1), kernel, config.resblock_dilation_sizes[j] ?? [], config),
      ),
    );
    const last = first / 2 ** config.upsample_rates.length;
    this.activation_post = activation(last, config);
    this.conv_post = new nn.Conv1d(last, 1, 7, { padding: 3, bias: config.use_bias_at_final });
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from log-mels [B, T, bands] to samples [B, T · hop, 1]. */
  steps(): ((x: MxArray) => MxArray)[] {
    const kernels = this.config.resblock_kernel_sizes.length;
    return [
      (x) => this.conv_pre.forward(x),
      ...this.ups.flatMap(([up], i) => [
        (x: MxArray) => up.forward(x),
        (x: MxArray) => mean(this.resblocks.slice(i * kernels, (i + 1) * kernels), x),
      ]),
      (x) => this.conv_post.forward(this.activation_post.forward(x)),
      (x) => (this.config.use_tanh_at_final ? mx.tanh(x) : mx.clip(x, -1, 1)),
    ];
  }
}

/** The mean of the blocks’ outputs. */
function mean(blocks: readonly Layer[], x: MxArray): MxArray {
  const sum = blocks.map((block) => block.forward(x)).reduce((all, own) => mx.add(all, own));
  return mx.divide(sum, blocks.length);
}
