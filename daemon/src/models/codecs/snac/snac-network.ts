/**
 * SNAC, a codec whose codebooks have different frame rates (Siuzdak et al., arXiv 2410.14411). Fields carry the names of the
 * checkpoint's tensors.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { FactorisedRvq } from '../layers/factorised-rvq.js';
import {
  SnakeEncoderBlock,
  layerSteps,
  residualUnits,
  upsampling,
  type Layer,
} from '../layers/residual-unit.js';
import { Snake } from '../layers/snake.js';
import type { Upsample } from '../layers/upsample.js';
import { LocalAttention } from './local-attention.js';
import type { SnacConfig } from './snac-config.js';

/** Noise of a stage of the decoder, [1, length, 1]. */
export type DecoderNoise = (stage: number, length: number) => MxArray;

const KERNEL = 7;
const depthwise = (channels: number): nn.Conv1d =>
  new nn.Conv1d(channels, channels, KERNEL, { padding: 3, groups: channels });

class NoiseBlock extends nn.Module {
  linear: nn.AnyConv1d;

  constructor(channels: number) {
    super();
    this.linear = new nn.Conv1d(channels, channels, 1, { bias: false });
  }

  /** x + noise W x: [B, T, C], [1, T, 1] → [B, T, C] */
  forward(x: MxArray, noise: MxArray): MxArray {
    return mx.add(x, mx.multiply(noise, this.linear.forward(x)));
  }
}

export class SnacDecoderBlock extends nn.Module {
  block: [Layer, Upsample, NoiseBlock, ...Layer[]];

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    const up = upsampling(inputs, outputs, stride, true);
    this.block = [new Snake(inputs), up, new NoiseBlock(outputs), ...residualUnits(outputs, outputs)];
  }

  /** [B, T, inputs] → [B, T · stride, outputs]; without noise it is left out */
  steps(noise?: (length: number) => MxArray): ((x: MxArray) => MxArray)[] {
    const [snake, up, noisy, ...units] = this.block;
    const add = noise && ((x: MxArray) => noisy.forward(x, noise(x.shape[1] ?? 0)));
    return [...layerSteps([snake, up]), ...(add ? [add] : []), ...layerSteps(units)];
  }
}

class Encoder extends nn.Module {
  block: Layer[];

  constructor({
    encoder_dim: width,
    encoder_rates: rates,
    latent_dim: latent,
    attn_window_size: window,
  }: SnacConfig) {
    super();
    this.block = [
      new nn.Conv1d(1, width, KERNEL, { padding: 3 }),
      ...rates.map(
        (rate, i) => new SnakeEncoderBlock(width * 2 ** i, width * 2 ** (i + 1), rate, width * 2 ** i),
      ),
      ...(window === null ? [] : [new LocalAttention(latent, window)]),
      depthwise(latent),
    ];
  }
}

class Decoder extends nn.Module {
  model: (Layer | SnacDecoderBlock)[];

  constructor({
    latent_dim: latent,
    decoder_dim: width,
    decoder_rates: rates,
    attn_window_size: window,
  }: SnacConfig) {
    super();
    const last = width / 2 ** rates.length;
    this.model = [
      depthwise(latent),
      new nn.Conv1d(latent, width, 1),
      ...(window === null ? [] : [new LocalAttention(width, window)]),
      ...rates.map((rate, i) => new SnacDecoderBlock(width / 2 ** i, width / 2 ** (i + 1), rate)),
      new Snake(last),
      new nn.Conv1d(last, 1, KERNEL, { padding: 3 }),
    ];
  }
}

export class Snac extends nn.Module {
  encoder: Encoder;
  quantizer: FactorisedRvq;
  decoder: Decoder;
  readonly config: SnacConfig;

  constructor(config: SnacConfig) {
    super();
    this.config = config;
    this.encoder = new Encoder(config);
    this.quantizer = new FactorisedRvq(
      config.latent_dim,
      config.codebook_size,
      config.codebook_dim,
      config.vq_strides,
    );
    this.decoder = new Decoder(config);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from samples [B, L, 1], L a multiple of `blockFrames(config)` frames, to latents [B, L / hop, latent]. */
  encoderSteps(): ((x: MxArray) => MxArray)[] {
    return layerSteps(this.encoder.block);
  }

  /** Steps from latents [B, T, latent] to samples [B, T · hop, 1]. */
  decoderSteps(noise?: DecoderNoise): ((x: MxArray) => MxArray)[] {
    let stage = 0;
    const steps = this.decoder.model.flatMap((layer) => {
      if (!(layer instanceof SnacDecoderBlock)) return layerSteps([layer]);
      const own = stage++;
      return layer.steps(noise && ((length) => noise(own, length)));
    });
    return [...steps, (x) => mx.tanh(x)];
  }
}
