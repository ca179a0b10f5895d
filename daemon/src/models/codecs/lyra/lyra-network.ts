/** Lyra V2, a SoundStream (arXiv 2107.03312) of depthwise and grouped convolutions for calls at 3.2 to 9.2 kbit/s. */
import { mx, type MxArray } from '#native/index.js';

import type { BatchCodec } from '../codec-batch.js';
import type { ChunkPass } from '../layers/chunk-pass.js';
import { padTime } from '../layers/pad-time.js';
import { ResidualQuantizer } from '../layers/rvq.js';
import { layerSteps } from '../layers/seanet.js';
import type { NetworkStep } from '../run-chunk.js';
import { StreamingNetwork } from '../streaming-network.js';
import { lyraHop, type LyraConfig } from './lyra-config.js';
import { LyraDecoder, LyraEncoder } from './lyra-layers.js';

export class Lyra extends StreamingNetwork implements BatchCodec {
  encoder: LyraEncoder;
  decoder: LyraDecoder;
  quantizer: ResidualQuantizer;
  readonly channels = 1;
  readonly isCausal = true;
  readonly firstChunkFrames = 1;

  constructor(readonly config: LyraConfig) {
    super();
    this.encoder = new LyraEncoder(config);
    this.decoder = new LyraDecoder(config);
    const { num_quantizers: count, codebook_size: rows, hidden_size: dims } = config;
    this.quantizer = new ResidualQuantizer(count, rows, dims);
  }

  get hop(): number {
    return lyraHop(this.config);
  }

  encodeSteps(codebooks?: number, pass?: ChunkPass): NetworkStep[] {
    return [...this.latentSteps(pass), (x) => this.quantizer.encode(x, codebooks)];
  }

  /** Samples [B, L, 1] → latents [B, ⌈L / hop⌉, D], which are quantized */
  latentSteps(pass?: ChunkPass): NetworkStep[] {
    return layerSteps(this.encoder.layers, pass).map((step, i) =>
      i === 0 ? (x) => step(this.#inFrames(x, pass)) : step,
    );
  }

  decodeSteps(pass?: ChunkPass): NetworkStep[] {
    return [
      (codes) => this.quantizer.decode(mx.astype(codes, 'uint32')),
      ...layerSteps(this.decoder.layers, pass),
    ];
  }

  /** Silence fills the last frame, because Lyra knows whole frames only. */
  #inFrames(x: MxArray, pass?: ChunkPass): MxArray {
    const missing = (this.hop - ((x.shape[1] ?? 0) % this.hop)) % this.hop;
    if (missing > 0 && pass?.isLast === false) throw new RangeError('a chunk is no multiple of a frame');
    return padTime(x, 0, missing, 'constant');
  }
}
