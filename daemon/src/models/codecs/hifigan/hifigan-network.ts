/** The generator of HiFi-GAN, a vocoder (Kong et al., arXiv 2010.05646). Fields carry the names of the checkpoint's tensors. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import {
  firstConv,
  lastConv,
  resblocks,
  type SameConv,
  sameConv,
  stageMean,
  upsamples,
} from '../layers/generator.js';
import type { Layer } from '../layers/residual-unit.js';
import type { Upsample } from '../layers/upsample.js';
import type { HifiGanConfig } from './hifigan-config.js';

const SLOPE = 0.1;
/** PyTorch's default, which the reference has before its last convolution. */
const LAST_SLOPE = 0.01;

const leakyRelu = (x: MxArray, slope = SLOPE): MxArray => mx.maximum(x, mx.multiply(x, slope));

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
    this.conv_pre = firstConv(config);
    this.ups = upsamples(config);
    const Block = config.resblock === '1' ? ResBlock1 : ResBlock2;
    this.resblocks = resblocks<ResBlock1 | ResBlock2>(config, (...shape) => new Block(...shape));
    this.conv_post = lastConv(config);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from features [B, T, num_mels] to samples [B, T · hop, 1]. */
  steps(): ((x: MxArray) => MxArray)[] {
    return [
      (x) => this.conv_pre.forward(x),
      ...this.ups.flatMap((up, i) => [
        (x: MxArray) => up.forward(leakyRelu(x)),
        (x: MxArray) => stageMean(this.config, this.resblocks, i, x),
      ]),
      (x) => mx.tanh(this.conv_post.forward(leakyRelu(x, LAST_SLOPE))),
    ];
  }
}
