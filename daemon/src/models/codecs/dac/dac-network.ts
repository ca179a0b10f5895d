/** The Descript Audio Codec (Kumar et al., arXiv 2306.06546). Fields carry the names of its checkpoints’ tensors. */
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
import type { DacConfig } from './dac-config.js';

const KERNEL = 7;
/** Blocks next to the samples, whose arrays are the longest. */
const LONG_BLOCKS = 2;

type Step = (x: MxArray) => MxArray;

/** Blocks of the encoder, and of the decoder, that are computed in tiles. */
export const tiledBlocks = ({ encoder_rates: rates }: DacConfig): number =>
  Math.min(LONG_BLOCKS, rates.length);

/** [B, T, inputs] → [B, T · stride, outputs], one less for an odd stride */
class DecoderBlock extends nn.Module {
  block: Layer[];

  constructor(inputs: number, outputs: number, stride: number) {
    super();
    this.block = [new Snake(inputs), upsampling(inputs, outputs, stride, false), ...residualUnits(outputs)];
  }
}

class Encoder extends nn.Module {
  block: Layer[];

  constructor({ encoder_dim: width, encoder_rates: rates, latent_dim: latent }: DacConfig) {
    super();
    const last = width * 2 ** rates.length;
    this.block = [
      new nn.Conv1d(1, width, KERNEL, { padding: 3 }),
      ...rates.map((rate, i) => new SnakeEncoderBlock(width * 2 ** i, width * 2 ** (i + 1), rate)),
      new Snake(last),
      new nn.Conv1d(last, latent, 3, { padding: 1 }),
    ];
  }
}

class Decoder extends nn.Module {
  model: (Layer | DecoderBlock)[];

  constructor({ latent_dim: latent, decoder_dim: width, decoder_rates: rates }: DacConfig) {
    super();
    const last = width / 2 ** rates.length;
    this.model = [
      new nn.Conv1d(latent, width, KERNEL, { padding: 3 }),
      ...rates.map((rate, i) => new DecoderBlock(width / 2 ** i, width / 2 ** (i + 1), rate)),
      new Snake(last),
      new nn.Conv1d(last, 1, KERNEL, { padding: 3 }),
    ];
  }
}

export class Dac extends nn.Module {
  encoder: Encoder;
  quantizer: FactorisedRvq;
  decoder: Decoder;
  readonly config: DacConfig;

  constructor(config: DacConfig) {
    super();
    this.config = config;
    const { latent_dim: latent, codebook_size: rows, codebook_dim: rowDims, n_codebooks: count } = config;
    this.encoder = new Encoder(config);
    this.quantizer = new FactorisedRvq(latent, rows, rowDims, new Array<number>(count).fill(1));
    this.decoder = new Decoder(config);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Steps from samples [B, L, 1], L a multiple of the hop, to latents [B, L / hop, latent]. */
  encoderSteps(): Step[] {
    return this.encoderParts().flat();
  }

  /** The same in two parts, of which the first one makes the longest arrays. */
  encoderParts(): [long: Step[], short: Step[]] {
    const { block } = this.encoder;
    const split = 1 + tiledBlocks(this.config);
    return [layerSteps(block.slice(0, split)), layerSteps(block.slice(split))];
  }

  /** Steps from latents [B, T, latent] to samples [B, at most T · hop, 1]. */
  decoderSteps(): Step[] {
    return this.decoderParts().flat();
  }

  /** The same in two parts, of which the second one makes the longest arrays. */
  decoderParts(): [short: Step[], long: Step[]] {
    const { model } = this.decoder;
    const split = 1 + this.config.decoder_rates.length - tiledBlocks(this.config);
    const steps = (layers: readonly (Layer | DecoderBlock)[]): Step[] =>
      layerSteps(layers.flatMap((layer) => (layer instanceof DecoderBlock ? layer.block : [layer])));
    return [steps(model.slice(0, split)), [...steps(model.slice(split)), (x) => mx.tanh(x)]];
  }
}
