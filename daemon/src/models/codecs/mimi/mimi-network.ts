/**
 * Mimi, the codec of Moshi (arXiv 2410.00037): SEANet, a transformer, half the frame rate, and two quantizers of the same
 * latents. Fields carry the names of the checkpoint's tensors in transformers.
 */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { BatchCodec } from '../codec-batch.js';
import type { ChunkPass } from '../layers/chunk-pass.js';
import { PaddedConv1d } from '../layers/padded-conv.js';
import { ResidualQuantizer } from '../layers/rvq.js';
import { layerSteps, SeanetDecoder, SeanetEncoder } from '../layers/seanet.js';
import { causalTrim, Upsample } from '../layers/upsample.js';
import type { NetworkStep } from '../run-chunk.js';
import { StreamingNetwork } from '../streaming-network.js';
import { mimiHop, type MimiConfig } from './mimi-config.js';
import { MimiTransformer } from './mimi-transformer.js';

/** A residual quantizer between two projections. */
class ProjectedQuantizer extends ResidualQuantizer {
  input_proj: nn.AnyConv1d | null = null;
  output_proj: nn.AnyConv1d | null = null;

  constructor(count: number, config: MimiConfig) {
    const { hidden_size: dims, vector_quantization_hidden_dimension: inner } = config;
    super(count, config.codebook_size, inner);
    if (inner === dims) return;
    this.input_proj = new nn.Conv1d(dims, inner, 1, { bias: false });
    this.output_proj = new nn.Conv1d(inner, dims, 1, { bias: false });
  }

  override encode(x: MxArray, count?: number): MxArray {
    return super.encode(this.input_proj ? this.input_proj.forward(x) : x, count);
  }

  override decode(codes: MxArray): MxArray {
    const sum = super.decode(codes);
    return this.output_proj ? this.output_proj.forward(sum) : sum;
  }
}

/** The first codebooks hold the words, the others the voice; neither reads what the other left over. */
class SplitQuantizer extends nn.Module {
  semantic_residual_vector_quantizer: ProjectedQuantizer;
  acoustic_residual_vector_quantizer: ProjectedQuantizer;

  constructor(config: MimiConfig) {
    super();
    const { num_quantizers: count, num_semantic_quantizers: semantic } = config;
    this.semantic_residual_vector_quantizer = new ProjectedQuantizer(semantic, config);
    this.acoustic_residual_vector_quantizer = new ProjectedQuantizer(count - semantic, config);
  }

  get semanticCount(): number {
    return this.semantic_residual_vector_quantizer.layers.length;
  }

  /** [B, T, D] → uint32 [B, count, T]; `count` is at least that of the semantic codebooks */
  encode(x: MxArray, count: number): MxArray {
    const semantic = this.semantic_residual_vector_quantizer.encode(x);
    const acousticCount = count - this.semanticCount;
    if (acousticCount <= 0) return semantic;
    return mx.concatenate([semantic, this.acoustic_residual_vector_quantizer.encode(x, acousticCount)], 1);
  }

  /** [B, K, T] → [B, T, D] */
  decode(codes: MxArray): MxArray {
    const [, count = 0] = codes.shape;
    if (count <= this.semanticCount) return this.semantic_residual_vector_quantizer.decode(codes);
    const [semantic, acoustic] = mx.split(codes, [this.semanticCount], 1) as [MxArray, MxArray];
    return mx.add(
      this.semantic_residual_vector_quantizer.decode(semantic),
      this.acoustic_residual_vector_quantizer.decode(acoustic),
    );
  }
}

export class Mimi extends StreamingNetwork implements BatchCodec {
  encoder: SeanetEncoder;
  encoder_transformer: MimiTransformer;
  downsample: PaddedConv1d;
  quantizer: SplitQuantizer;
  upsample: Upsample;
  decoder_transformer: MimiTransformer;
  decoder: SeanetDecoder;
  readonly channels = 1;
  readonly isCausal = true;

  constructor(readonly config: MimiConfig) {
    super();
    const { hidden_size: dims, latent_stride: stride } = config;
    const kernel = 2 * stride;
    this.encoder = new SeanetEncoder(config);
    this.encoder_transformer = new MimiTransformer(config);
    this.downsample = new PaddedConv1d(dims, dims, kernel, { stride, bias: false, padMode: 'replicate' });
    this.quantizer = new SplitQuantizer(config);
    const trim = causalTrim(kernel, stride);
    this.upsample = new Upsample(dims, dims, kernel, { stride, groups: dims, bias: false, trim });
    this.decoder_transformer = new MimiTransformer(config);
    this.decoder = new SeanetDecoder(config);
  }

  get hop(): number {
    return mimiHop(this.config);
  }

  get firstChunkFrames(): number {
    return 1;
  }

  encodeSteps(codebooks = this.config.num_quantizers, pass?: ChunkPass): NetworkStep[] {
    return [...this.latentSteps(pass), (x) => this.quantizer.encode(x, codebooks)];
  }

  /** Samples [B, L, 1] → latents [B, ⌈L / hop⌉, D], which are quantized */
  latentSteps(pass?: ChunkPass): NetworkStep[] {
    const { encoder, encoder_transformer: transformer, downsample } = this;
    return layerSteps([...encoder.layers, ...transformer.layers, downsample], pass);
  }

  decodeSteps(pass?: ChunkPass): NetworkStep[] {
    const { upsample, decoder_transformer: transformer, decoder } = this;
    return [
      (codes) => this.quantizer.decode(mx.astype(codes, 'uint32')),
      ...layerSteps([upsample, ...transformer.layers, ...decoder.layers], pass),
    ];
  }
}
