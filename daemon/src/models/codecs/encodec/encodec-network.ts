/** Encodec (arXiv 2210.13438). Fields carry the names of the checkpoint's tensors in transformers. */
import { mx } from '#native/index.js';

import type { ChunkPass } from '../layers/chunk-pass.js';
import { ResidualQuantizer } from '../layers/rvq.js';
import { firstChunkFrames, layerSteps, seanetHop, SeanetDecoder, SeanetEncoder } from '../layers/seanet.js';
import type { BatchCodec } from '../codec-batch.js';
import type { NetworkStep } from '../run-chunk.js';
import { StreamingNetwork } from '../streaming-network.js';
import { codebookCounts, type EncodecConfig } from './encodec-config.js';

export class Encodec extends StreamingNetwork implements BatchCodec {
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
