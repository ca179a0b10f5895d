/** BigVGAN, a vocoder (Lee et al., arXiv 2206.04658). Fields carry the names of the checkpoint's tensors. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { AntiAliased } from '../layers/anti-alias.js';
import {
  channelsAfter,
  firstConv,
  lastConv,
  resblocks,
  type SameConv,
  sameConv,
  stageMean,
  upsamples,
} from '../layers/generator.js';
import type { Layer } from '../layers/residual-unit.js';
import { SnakeBeta } from '../layers/snake.js';
import type { Upsample } from '../layers/upsample.js';
import type { BigVganConfig } from './bigvgan-config.js';

const activation = (channels: number, config: BigVganConfig): AntiAliased =>
  new AntiAliased(
    new SnakeBeta(channels, { hasBeta: config.activation === 'snakebeta', isLog: config.snake_logscale }),
  );

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
    this.conv_pre = firstConv(config);
    this.ups = upsamples(config).map((up) => [up]);
    const Block = config.resblock === '1' ? AmpBlock1 : AmpBlock2;
    this.resblocks = resblocks<AmpBlock1 | AmpBlock2>(config, (...shape) => new Block(...shape, config));
    this.activation_post = activation(channelsAfter(config, config.upsample_rates.length), config);
    this.conv_post = lastConv(config);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from log-mels [B, T, bands] to samples [B, T · hop, 1]. */
  steps(): ((x: MxArray) => MxArray)[] {
    return [
      (x) => this.conv_pre.forward(x),
      ...this.ups.flatMap(([up], i) => [
        (x: MxArray) => up.forward(x),
        (x: MxArray) => stageMean(this.config, this.resblocks, i, x),
      ]),
      (x) => this.conv_post.forward(this.activation_post.forward(x)),
      (x) => (this.config.use_tanh_at_final ? mx.tanh(x) : mx.clip(x, -1, 1)),
    ];
  }
}
