/** Encodec (arXiv 2210.13438). Fields carry the names of the checkpoint's tensors in transformers. */
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import type { ChunkPass } from '../layers/chunk-pass.js';
import { ResidualQuantizer } from '../layers/rvq.js';
import { firstChunkFrames, layerSteps, seanetHop, SeanetDecoder, SeanetEncoder } from '../layers/seanet.js';
import type { BatchCodec } from '../codec-batch.js';
import { runAll, type NetworkStep } from '../run-chunk.js';
import { codebookCounts, type EncodecConfig } from './encodec-config.js';

export class Encodec extends nn.Module implements BatchCodec {
  encoder: SeanetEncoder;
  decoder: SeanetDecoder;
  quantizer: ResidualQuantizer;

  constructor(readonly config: EncodecConfig) {
    super();
    this.encoder = new SeanetEncoder(config);
    this.decoder = new SeanetDecoder(config);
    const codebooks = codebookCounts(config).at(-1) ?? 0;
    this.quantizer = new ResidualQuantizer(codebooks, config.codebook_size, config.hidden_size);
  }

  get hop(): number {
    return seanetHop(this.config);
  }

  get channels(): number {
    return this.config.audio_channels;
  }

  get isCausal(): boolean {
    return this.config.use_causal_conv;
  }

  get firstChunkFrames(): number {
    return firstChunkFrames(this.config);
  }

  get dtype(): 'float32' {
    return 'float32';
  }

  /** Samples [B, L, channels] → codes uint32 [B, codebooks, ⌈L / hop⌉] */
  encode(x: MxArray, codebooks?: number): MxArray {
    return runAll(x, this.encodeSteps(codebooks));
  }

  /** Codes [B, K, T] → samples [B, T · hop, channels]. Codes must be in range. */
  decode(codes: MxArray): MxArray {
    return runAll(codes, this.decodeSteps());
  }

  encodeSteps(codebooks?: number, pass?: ChunkPass): NetworkStep[] {
    return [...layerSteps(this.encoder.layers, pass), (x) => this.quantizer.encode(x, codebooks)];
  }

  decodeSteps(pass?: ChunkPass): NetworkStep[] {
    return [
      (codes) => this.quantizer.decode(mx.astype(codes, 'uint32')),
      ...layerSteps(this.decoder.layers, pass),
    ];
  }
}
