/** Encoder and decoder of Lyra. Lists have the places of the checkpoint's layers. */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from '../layers/chunk-pass.js';
import { LeakyRelu } from '../layers/leaky-relu.js';
import { PaddedConv1d, type PaddedConvOptions } from '../layers/padded-conv.js';
import type { StreamingLayer } from '../layers/seanet.js';
import { causalTrim, Upsample } from '../layers/upsample.js';
import type { LyraConfig } from './lyra-config.js';

/** Each channel over time, then all channels, then each group of channels; added to the input. */
export class LyraUnit extends nn.Module implements StreamingLayer {
  depthwise: PaddedConv1d;
  pointwise: nn.AnyConv1d;
  mixing: nn.AnyConv1d;
  readonly slope: number;

  constructor(config: LyraConfig, channels: number, dilation: number) {
    super();
    const options = { dilation, groups: channels, bias: false };
    this.depthwise = conv(channels, channels, config.residual_kernel_size, options);
    this.pointwise = new nn.Conv1d(channels, channels, 1);
    this.mixing = new nn.Conv1d(channels, channels, 1, { groups: channels / config.num_filters });
    this.slope = config.negative_slope;
  }

  /** [B, T, C] → [B, T, C] */
  forward(x: MxArray): MxArray {
    return this.#mixed(this.depthwise.forward(nn.leakyRelu(x, this.slope)), x);
  }

  stream(x: MxArray, pass: ChunkPass): MxArray {
    return this.#mixed(this.depthwise.stream(nn.leakyRelu(x, this.slope), pass), x);
  }

  #mixed(y: MxArray, residual: MxArray): MxArray {
    return this.mixing.fused(nn.leakyRelu(this.pointwise.forward(y), this.slope), { residual });
  }
}

export class LyraEncoder extends nn.Module {
  layers: StreamingLayer[];

  constructor(config: LyraConfig) {
    super();
    const { num_filters: filters, stride, downsampling_ratios: ratios } = config;
    let channels = filters;
    this.layers = [conv(1, channels, config.kernel_size, { stride })];
    for (const ratio of ratios) {
      const options = { stride: ratio, groups: channels / filters };
      this.layers.push(
        ...units(config, channels),
        new LeakyRelu(config.negative_slope),
        conv(channels, 2 * channels, 2 * ratio, options),
      );
      channels *= 2;
    }
    const options = { groups: channels / 2 / filters };
    this.layers.push(
      new LeakyRelu(config.negative_slope),
      conv(channels, config.hidden_size, config.bottleneck_kernel_size, options),
    );
  }
}

export class LyraDecoder extends nn.Module {
  layers: StreamingLayer[];

  constructor(config: LyraConfig) {
    super();
    const { num_filters: filters, stride, downsampling_ratios: ratios } = config;
    let channels = filters * 2 ** ratios.length;
    const options = { groups: channels / 2 / filters };
    this.layers = [conv(config.hidden_size, channels, config.bottleneck_kernel_size, options)];
    for (const ratio of ratios.toReversed()) {
      channels /= 2;
      this.layers.push(
        new LeakyRelu(config.negative_slope),
        upsample(2 * channels, channels, 2 * ratio, ratio, channels / filters),
        ...units(config, channels),
      );
    }
    this.layers.push(
      new LeakyRelu(config.negative_slope),
      upsample(channels, 1, config.kernel_size, stride, 1),
    );
  }
}

const conv = (
  inputs: number,
  outputs: number,
  kernelSize: number,
  options: PaddedConvOptions,
): PaddedConv1d => new PaddedConv1d(inputs, outputs, kernelSize, { ...options, padMode: 'constant' });

const upsample = (
  inputs: number,
  outputs: number,
  kernelSize: number,
  stride: number,
  groups: number,
): Upsample =>
  new Upsample(inputs, outputs, kernelSize, { stride, groups, trim: causalTrim(kernelSize, stride) });

const units = (config: LyraConfig, channels: number): LyraUnit[] =>
  config.dilations.map((dilation) => new LyraUnit(config, channels, dilation));
