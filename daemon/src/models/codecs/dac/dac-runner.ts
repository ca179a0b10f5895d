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
import { encodeLatents } from '../layers/encode-latents.js';
import { decoderReach, encoderReach, product, roundedUp } from '../layers/reach.js';
import { runInTiles, type TilePlan } from '../layers/tiles.js';
import { dacHop, type DacConfig } from './dac-config.js';
import { tiledBlocks, type Dac } from './dac-network.js';

/** About 3 s at 44.1 kHz: the context is a small part. */
const CHUNK_FRAMES = 256;
/** Of a tile. More have more memory than the caches of a processor, fewer a larger part of context. */
const TILE_SAMPLES = 8192;
const FIRST_KERNEL_REACH = 3;
const LATENT_KERNEL_REACH = 1;

export interface DacSizes {
  /** Frames to keep of a chunk. */
  readonly chunkFrames?: number;
  /** Samples to keep of a tile, about. */
  readonly tileSamples?: number;
}

export class DacRunner implements CodecRunner {
  readonly #network: Dac;
  readonly #plans: DacPlans;

  constructor(network: Dac, sizes: DacSizes = {}) {
    this.#network = network;
    this.#plans = dacPlans(network.config, sizes);
  }

  encode(
    samples: AsyncIterable<Float32Array>,
    codebooks: number,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    const { quantizer } = this.#network;
    const [wide, narrow] = this.#network.encoderParts();
    const compute = async (input: MxArray): Promise<MxArray[]> => {
      const between = await runInTiles(input, wide, this.#plans.encodeTiles, signal);
      return encodeLatents(quantizer, await runSteps(between, narrow, signal), codebooks);
    };
    return encodeChunks(samples, this.#plans.encode, [], compute, signal);
  }

  check({ codes, samples }: EncodedAudio): void {
    const { n_codebooks: codebooks, codebook_size: codebookSize } = this.#network.config;
    checkCodes(codes, { codebooks, codebookSize });
    checkFrames(codes[0]?.length ?? 0, samples, this.#plans.decode);
  }

  async *decode({ codes, samples }: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void> {
    const frames = codes[0]?.length ?? 0;
    const [narrow, wide] = this.#network.decoderParts();
    const compute = async ({ start, end }: ChunkRange): Promise<MxArray> => {
      const { quantizer } = this.#network;
      const latents = mx.tidy(() => {
        const rows = codes.map((list) => mx.array(Uint32Array.from(list.slice(start, end)), [1, -1]));
        return quantizer.decode(rows);
      });
      const between = await runSteps(latents, narrow, signal);
      return runInTiles(between, wide, this.#plans.decodeTiles, signal);
    };
    yield* decodeChunks({ frames, samples }, this.#plans.decode, compute, signal);
  }
}

export interface DacPlans {
  readonly encode: ChunkPlan;
  readonly decode: ChunkPlan;
  /** Of the blocks next to the samples, which make the longest arrays. */
  readonly encodeTiles: TilePlan;
  readonly decodeTiles: TilePlan;
}

/** Chunks and tiles with the context that makes them exact. */
export function dacPlans(
  config: DacConfig,
  { chunkFrames: frames = CHUNK_FRAMES, tileSamples = TILE_SAMPLES }: DacSizes = {},
): DacPlans {
  const down = config.encoder_rates.slice(0, tiledBlocks(config));
  const up = config.decoder_rates.slice(-tiledBlocks(config));
  const [samplesIn, samplesOut] = [product(down), product(up)];
  const shared = { hop: dacHop(config), block: 1, frames };
  return {
    encode: { ...shared, context: Math.ceil(encoderReach(config.encoder_rates) + LATENT_KERNEL_REACH) },
    decode: { ...shared, context: Math.ceil(decoderReach(config.decoder_rates) + FIRST_KERNEL_REACH) },
    encodeTiles: {
      frames: roundedUp(tileSamples, samplesIn),
      context: Math.ceil(encoderReach(down)) * samplesIn,
      down: samplesIn,
    },
    decodeTiles: {
      frames: Math.ceil(tileSamples / samplesOut),
      context: Math.ceil(decoderReach(up)),
      up: samplesOut,
    },
  };
}
