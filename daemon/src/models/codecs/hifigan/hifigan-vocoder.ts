/** HiFi-GAN as the last stage of a voice: features of any length become samples, chunk by chunk. */
import type { MxArray } from '#native/index.js';

import { generatorPlan, vocodeFrames } from '../layers/generator-plan.js';
import type { VocoderPlan } from '../layers/vocode.js';
import type { HifiGanConfig } from './hifigan-config.js';
import type { HifiGan } from './hifigan-network.js';

/** About 3 s: shorter chunks are mostly context. */
const CHUNK_FRAMES = 256;

/** As `vocodeFrames`. @param features a mel spectrogram, or the latents of a voice */
export function vocodeFeatures(
  network: HifiGan,
  features: MxArray,
  signal: AbortSignal,
  chunkFrames = CHUNK_FRAMES,
): AsyncGenerator<Float32Array, void> {
  return vocodeFrames(network, features, hifiGanPlan(network.config, chunkFrames), signal);
}

/** Chunks with the context that makes them exact. */
export const hifiGanPlan = (config: HifiGanConfig, frames = CHUNK_FRAMES): VocoderPlan =>
  generatorPlan(config, frames);
