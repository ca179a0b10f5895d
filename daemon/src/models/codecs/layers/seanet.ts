/** SEANet (arXiv 2009.02095) as Encodec and Mimi have it. Lists have the places of the checkpoint's layers. */
import type { MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from './chunk-pass.js';
import { Elu } from './elu.js';
import { ResidualLstm } from './residual-lstm.js';
import { product } from './reach.js';
import type { PadMode } from './pad-time.js';
import { PaddedConv1d } from './padded-conv.js';
import { causalTrim, Upsample } from './upsample.js';

/** By the names in `config.json`. */
export interface SeanetConfig {
  readonly audio_channels: number;
  /** Width of the latents. */
  readonly hidden_size: number;
  /** Width of the first convolution; each stage doubles it. */
  readonly num_filters: number;
  /** Of the decoder; the encoder has them in reverse. */
  readonly upsampling_ratios: readonly number[];
  readonly num_residual_layers: number;
  readonly kernel_size: number;
  readonly last_kernel_size: number;
  readonly residual_kernel_size: number;
  readonly dilation_growth_rate: number;
  /** The width of a residual block is that of its input divided by this. */
  readonly compress: number;
  readonly use_causal_conv: boolean;
  readonly pad_mode: PadMode;
  /** Whether the shortcut of a residual block is a convolution. */
  readonly use_conv_shortcut: boolean;
  readonly num_lstm_layers: number;
  readonly norm_type: 'weight_norm' | 'time_group_norm';
}

/** A layer in both forms: over a whole signal, and over a chunk of a stream. */
export interface StreamingLayer extends nn.Module {
  forward(x: MxArray): MxArray;
  stream(x: MxArray, pass: ChunkPass): MxArray;
}

/** Samples of a frame of the latents. */
export const seanetHop = ({ upsampling_ratios: ratios }: Pick<SeanetConfig, 'upsampling_ratios'>): number =>
  product(ratios);

class ResidualBlock extends nn.Module implements StreamingLayer {
  block: [Elu, PaddedConv1d, Elu, PaddedConv1d];
  shortcut: PaddedConv1d | null;

  constructor(config: SeanetConfig, dims: number, dilation: number) {
    super();
    const inner = Math.floor(dims / config.compress);
    this.block = [
      new Elu(),
      conv(config, dims, inner, config.residual_kernel_size, { dilation }),
      new Elu(),
      conv(config, inner, dims, 1),
    ];
    this.shortcut = config.use_conv_shortcut ? conv(config, dims, dims, 1) : null;
  }

  /** [B, T, dims] → [B, T, dims] */
  forward(x: MxArray): MxArray {
    const [elu, first, , second] = this.block;
    const residual = this.shortcut ? this.shortcut.forward(x) : x;
    // The second ELU is in the pass of the first convolution.
    return second.forward(first.forward(elu.forward(x), { elu: true }), { residual });
  }

  stream(x: MxArray, pass: ChunkPass): MxArray {
    const [elu, first, , second] = this.block;
    const residual = this.shortcut ? this.shortcut.stream(x, pass) : x;
    return second.stream(first.stream(elu.forward(x), pass, { elu: true }), pass, { residual });
  }
}

export class SeanetEncoder extends nn.Module {
  layers: StreamingLayer[];

  constructor(config: SeanetConfig) {
    super();
    const { num_filters: filters, kernel_size: kernel, last_kernel_size: lastKernel } = config;
    let dims = filters;
    this.layers = [conv(config, config.audio_channels, dims, kernel)];
    for (const ratio of config.upsampling_ratios.toReversed()) {
      this.layers.push(
        ...residualBlocks(config, dims),
        new Elu(),
        conv(config, dims, 2 * dims, 2 * ratio, { stride: ratio }),
      );
      dims *= 2;
    }
    this.layers.push(...memory(config, dims), new Elu(), conv(config, dims, config.hidden_size, lastKernel));
  }
}

export class SeanetDecoder extends nn.Module {
  layers: StreamingLayer[];

  constructor(config: SeanetConfig) {
    super();
    const { num_filters: filters, upsampling_ratios: ratios, use_causal_conv: isCausal } = config;
    let dims = filters * 2 ** ratios.length;
    this.layers = [conv(config, config.hidden_size, dims, config.kernel_size), ...memory(config, dims)];
    for (const ratio of ratios) {
      const norm = config.norm_type === 'time_group_norm';
      const trim = isCausal ? causalTrim(2 * ratio, ratio) : evenTrim(ratio);
      this.layers.push(
        new Elu(),
        new Upsample(dims, dims / 2, 2 * ratio, { stride: ratio, trim, norm }),
        ...residualBlocks(config, dims / 2),
      );
      dims /= 2;
    }
    this.layers.push(new Elu(), conv(config, filters, config.audio_channels, config.last_kernel_size));
  }
}

/** The frames that are too many, on both sides. */
function evenTrim(overlap: number): readonly [left: number, right: number] {
  const right = Math.floor(overlap / 2);
  return [overlap - right, right];
}

function conv(
  config: SeanetConfig,
  inputs: number,
  outputs: number,
  kernelSize: number,
  options: { readonly stride?: number; readonly dilation?: number } = {},
): PaddedConv1d {
  return new PaddedConv1d(inputs, outputs, kernelSize, {
    ...options,
    isCausal: config.use_causal_conv,
    padMode: config.pad_mode,
    norm: config.norm_type === 'time_group_norm',
  });
}

function residualBlocks(config: SeanetConfig, dims: number): ResidualBlock[] {
  return Array.from(
    { length: config.num_residual_layers },
    (_, i) => new ResidualBlock(config, dims, config.dilation_growth_rate ** i),
  );
}

function memory(config: SeanetConfig, dims: number): ResidualLstm[] {
  return config.num_lstm_layers > 0 ? [new ResidualLstm(dims, config.num_lstm_layers)] : [];
}

/** The layers one by one, so that a caller may wait, or stop, between two of them. @param pass of a stream; none for a whole signal */
export function layerSteps(layers: readonly StreamingLayer[], pass?: ChunkPass): ((x: MxArray) => MxArray)[] {
  return layers.map((layer) => (x) => (pass ? layer.stream(x, pass) : layer.forward(x)));
}

/** Frames that the first chunk of a stream must have, unless it is the whole signal: reflected padding reads that many. */
export function firstChunkFrames(config: SeanetConfig): number {
  if (config.pad_mode !== 'reflect') return 1;
  const { upsampling_ratios: ratios, dilation_growth_rate: growth, num_residual_layers: count } = config;
  let frames = Math.max(config.kernel_size, config.last_kernel_size);
  let perFrame = 1;
  for (const ratio of ratios) {
    perFrame *= ratio;
    const dilated = (config.residual_kernel_size - 1) * growth ** Math.max(0, count - 1);
    frames = Math.max(frames, Math.ceil((Math.max(dilated, ratio) + 1) / perFrame));
  }
  return frames;
}
