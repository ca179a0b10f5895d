/** Encodes and decodes audio of any length with DAC. */
import type { Codes, EncodedAudio } from '#daemon/protocol/codec.js';
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import type { CodecRunner } from '../codec-model.js';
import { checkCodes } from '../layers/check-codes.js';
import {
  checkFrames,
  decodeChunks,
  encodeChunks,
  type ChunkPlan,
  type ChunkRange,
} from '../layers/chunked.js';
import { encodeChunk } from '../layers/encode-chunk.js';
import { decoderReach, encoderReach } from '../layers/reach.js';
import { dacHop, type DacConfig } from './dac-config.js';
import type { Dac } from './dac-network.js';

/** About 1.5 s at 44.1 kHz: the context is a small part, and activations are some 230 MB. */
const CHUNK_FRAMES = 128;
const FIRST_KERNEL_REACH = 3;
const LATENT_KERNEL_REACH = 1;

export class DacRunner implements CodecRunner {
  readonly #network: Dac;
  readonly #plans: { readonly encode: ChunkPlan; readonly decode: ChunkPlan };

  constructor(network: Dac, chunkFrames = CHUNK_FRAMES) {
    this.#network = network;
    this.#plans = dacPlans(network.config, chunkFrames);
  }

  encode(
    samples: AsyncIterable<Float32Array>,
    codebooks: number,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    const compute = (input: MxArray): Promise<MxArray[]> =>
      encodeChunk(this.#network, input, codebooks, signal);
    return encodeChunks(samples, this.#plans.encode, [], compute, signal);
  }

  check({ codes, samples }: EncodedAudio): void {
    const { n_codebooks: codebooks, codebook_size: codebookSize } = this.#network.config;
    checkCodes(codes, { codebooks, codebookSize });
    checkFrames(codes[0]?.length ?? 0, samples, this.#plans.decode);
  }

  async *decode({ codes, samples }: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void> {
    const frames = codes[0]?.length ?? 0;
    const compute = ({ start, end }: ChunkRange): Promise<MxArray> => {
      const { quantizer } = this.#network;
      const latents = mx.tidy(() => {
        const rows = codes.map((list) => mx.array(Uint32Array.from(list.slice(start, end)), [1, -1]));
        return quantizer.decode(rows);
      });
      return runSteps(latents, this.#network.decoderSteps(), signal);
    };
    yield* decodeChunks({ frames, samples }, this.#plans.decode, compute, signal);
  }
}

/** Chunks with the context that makes them exact. */
export function dacPlans(
  config: DacConfig,
  frames = CHUNK_FRAMES,
): { readonly encode: ChunkPlan; readonly decode: ChunkPlan } {
  const shared = { hop: dacHop(config), block: 1, frames };
  return {
    encode: { ...shared, context: Math.ceil(encoderReach(config.encoder_rates) + LATENT_KERNEL_REACH) },
    decode: { ...shared, context: Math.ceil(decoderReach(config.decoder_rates) + FIRST_KERNEL_REACH) },
  };
}
