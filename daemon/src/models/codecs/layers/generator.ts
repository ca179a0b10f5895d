/** Parts of the generators of HiFi-GAN and BigVGAN: stages that upsample, each followed by blocks of several kernels. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { DilatedConv1d } from './dilated-conv.js';
import type { GeneratorConfig } from './generator-config.js';
import type { Layer } from './residual-unit.js';
import { Upsample } from './upsample.js';

export type SameConv = nn.AnyConv1d | DilatedConv1d;

/** [B, T, C] → [B, T, C] */
export const sameConv = (channels: number, kernel: number, dilation: number): nn.Conv1d =>
  new nn.Conv1d(channels, channels, kernel, { dilation, padding: ((kernel - 1) * dilation) / 2 });

export const firstConv = ({
  num_mels: inputs,
  upsample_initial_channel: first,
}: GeneratorConfig): nn.Conv1d => new nn.Conv1d(inputs, first, 7, { padding: 3 });

export const lastConv = (config: GeneratorConfig): nn.Conv1d =>
  new nn.Conv1d(channelsAfter(config, config.upsample_rates.length), 1, 7, {
    padding: 3,
    bias: config.use_bias_at_final,
  });

/** Channels behind `stages` stages, each of which halves them. */
export const channelsAfter = ({ upsample_initial_channel: first }: GeneratorConfig, stages: number): number =>
  first / 2 ** stages;

export function upsamples(config: GeneratorConfig): Upsample[] {
  return config.upsample_rates.map((stride, i) => {
    const kernel = config.upsample_kernel_sizes[i] ?? stride;
    const padding = (kernel - stride) / 2;
    const [inputs, outputs] = [channelsAfter(config, i), channelsAfter(config, i + 1)];
    return new Upsample(inputs, outputs, kernel, { stride, trim: [padding, padding] });
  });
}

/** The blocks of all kernels of a stage, then those of the next stage. */
export function resblocks<Block>(
  config: GeneratorConfig,
  make: (channels: number, kernel: number, dilations: readonly number[]) => Block,
): Block[] {
  return config.upsample_rates.flatMap((_, i) =>
    config.resblock_kernel_sizes.map((kernel, j) =>
      make(channelsAfter(config, i + 1), kernel, config.resblock_dilation_sizes[j] ?? []),
    ),
  );
}

/** The mean of the outputs of the blocks of a stage. */
export function stageMean(
  { resblock_kernel_sizes: { length: count } }: GeneratorConfig,
  blocks: readonly Layer[],
  stage: number,
  x: MxArray,
): MxArray {
  const outputs = blocks.slice(stage * count, (stage + 1) * count).map((block) => block.forward(x));
  return mx.divide(
    outputs.reduce((all, own) => mx.add(all, own)),
    count,
  );
}
