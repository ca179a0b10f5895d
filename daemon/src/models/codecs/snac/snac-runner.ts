/** Encodes and decodes audio of any length with SNAC. */
import type { Codes, EncodedAudio } from '#daemon/protocol/codec.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import type { CodecRunner } from '../codec-model.js';
import { checkRange } from '../layers/check-codes.js';
import {
  checkFrames,
  decodeChunks,
  encodeChunks,
  type ChunkPlan,
  type ChunkRange,
} from '../layers/chunked.js';
import { encodeLatents } from '../layers/encode-latents.js';
import { decoderReach, encoderReach, roundedUp } from '../layers/reach.js';
import { positionNoise } from './position-noise.js';
import { blockFrames, snacHop, type SnacConfig } from './snac-config.js';
import type { DecoderNoise, Snac } from './snac-network.js';

/** About 2.7 s at 24 kHz: the context is a small part, and activations are some 100 MB. */
const CHUNK_FRAMES = 128;
const WINDOWED_CHUNK_FRAMES = 256;
const KERNEL_REACH = 3;
const NOISE_SEED = 0;

export interface SnacOptions {
  /** Frames of a chunk. */
  readonly chunkFrames?: number;
  /** The noise of a chunk from its first frame; `null` leaves it out. */
  readonly noise?: ((frame: number) => DecoderNoise) | null;
}

export class SnacRunner implements CodecRunner {
  readonly #network: Snac;
  readonly #config: SnacConfig;
  readonly #plans: { readonly encode: ChunkPlan; readonly decode: ChunkPlan };
  readonly #noise: ((frame: number) => DecoderNoise) | null;

  constructor(network: Snac, { chunkFrames, noise }: SnacOptions = {}) {
    const { config } = network;
    this.#network = network;
    this.#config = config;
    this.#plans = snacPlans(config, chunkFrames);
    this.#noise =
      noise === undefined ? (frame) => positionNoise(NOISE_SEED, frame, config.decoder_rates) : noise;
  }

  encode(
    samples: AsyncIterable<Float32Array>,
    codebooks: number,
    signal: AbortSignal,
  ): AsyncGenerator<Codes, number> {
    const { quantizer } = this.#network;
    const compute = async (input: MxArray): Promise<MxArray[]> => {
      const latents = await runSteps(input, this.#network.encoderSteps(), signal);
      return encodeLatents(quantizer, latents, codebooks);
    };
    return encodeChunks(samples, this.#plans.encode, this.#config.vq_strides, compute, signal);
  }

  async *decode({ codes, samples }: EncodedAudio, signal: AbortSignal): AsyncGenerator<Float32Array, void> {
    const frames = this.#frames(codes);
    yield* decodeChunks(
      { frames, samples },
      this.#plans.decode,
      (range) => this.#decoded(codes, range, signal),
      signal,
    );
  }

  /** @throws SottoError INVALID_ARGUMENT for lists that don’t belong together, and codes that no codebook has */
  check({ codes, samples }: EncodedAudio): void {
    const { vq_strides: strides, codebook_size: size } = this.#config;
    if (codes.length === 0 || codes.length > strides.length) {
      throw new SottoError(
        'INVALID_ARGUMENT',
        `the codes have ${codes.length} codebooks; the model has ${strides.length}`,
      );
    }
    const frames = this.#frames(codes);
    checkFrames(frames, samples, this.#plans.decode);
    for (const [i, list] of codes.entries()) {
      const wanted = frames / (strides[i] ?? 1);
      if (list.length !== wanted) {
        throw new SottoError('INVALID_ARGUMENT', `codebook ${i} has ${list.length} codes, not ${wanted}`);
      }
      checkRange(list, size, i);
    }
  }

  #frames(codes: readonly (readonly number[])[]): number {
    return (codes[0]?.length ?? 0) * (this.#config.vq_strides[0] ?? 1);
  }

  async #decoded(
    codes: readonly (readonly number[])[],
    { start, end }: ChunkRange,
    signal: AbortSignal,
  ): Promise<MxArray> {
    const { quantizer } = this.#network;
    const latents = mx.tidy(() => {
      const arrays = codes.map((list, i) => {
        const stride = this.#config.vq_strides[i] ?? 1;
        return mx.array(Uint32Array.from(list.slice(start / stride, end / stride)), [1, -1]);
      });
      return quantizer.decode(arrays);
    });
    return runSteps(latents, this.#network.decoderSteps(this.#noise?.(start)), signal);
  }
}

/** Chunks with the context that makes them exact. */
export function snacPlans(
  config: SnacConfig,
  chunkFrames = config.attn_window_size === null ? CHUNK_FRAMES : WINDOWED_CHUNK_FRAMES,
): { readonly encode: ChunkPlan; readonly decode: ChunkPlan } {
  const block = blockFrames(config);
  const shared = { hop: snacHop(config), block, frames: roundedUp(chunkFrames, block) };
  // A frame behind the attention reads a whole window, which reads the frames before.
  const context = (inner: number, outer: number): number =>
    config.attn_window_size === null
      ? roundedUp(Math.ceil(inner + outer), block)
      : roundedUp(Math.ceil(inner), block) + roundedUp(Math.ceil(outer), block);
  return {
    encode: { ...shared, context: context(encoderReach(config.encoder_rates), KERNEL_REACH) },
    decode: { ...shared, context: context(decoderReach(config.decoder_rates), KERNEL_REACH) },
  };
}
