/** HiFi-GAN as the last stage of a voice: features of any length become samples, chunk by chunk. */
import { mx, type MxArray } from '#native/index.js';

import { vocodeChunks, type VocoderPlan } from '../layers/vocode.js';
import { hifiGanHop, type HifiGanConfig } from './hifigan-config.js';
import type { HifiGan } from './hifigan-network.js';

/** About 3 s: shorter chunks are mostly context. */
const CHUNK_FRAMES = 256;
const FIRST_KERNEL_REACH = 3;
const LAST_KERNEL_REACH = 3;

/**
 * Yields the samples of a spectrogram or of the latents of a voice.
 *
 * @param features [T, num_mels]; not freed
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export function vocodeFeatures(
  network: HifiGan,
  features: MxArray,
  signal: AbortSignal,
  chunkFrames = CHUNK_FRAMES,
): AsyncGenerator<Float32Array, void> {
  const plan = hifiGanPlan(network.config, chunkFrames);
  const cut = (start: number, end: number): MxArray =>
    mx.expandDims(mx.slice(features, [start, 0], [end, features.shape[1] ?? 0]), 0);
  return vocodeChunks(features.shape[0] ?? 0, cut, plan, () => network.steps(), signal);
}

/** Chunks with the context that makes them exact. */
export function hifiGanPlan(config: HifiGanConfig, frames = CHUNK_FRAMES): VocoderPlan {
  let [reach, samplesPerFrame] = [FIRST_KERNEL_REACH, 1];
  const ofBlock = Math.max(...config.resblock_kernel_sizes.map((kernel, i) => blockReach(config, kernel, i)));
  for (const [i, rate] of config.upsample_rates.entries()) {
    reach += Math.ceil((config.upsample_kernel_sizes[i] ?? 0) / rate / 2) / samplesPerFrame;
    samplesPerFrame *= rate;
    reach += ofBlock / samplesPerFrame;
  }
  reach += LAST_KERNEL_REACH / samplesPerFrame;
  return { hop: hifiGanHop(config), frames, context: Math.ceil(reach), missing: 0 };
}

function blockReach(config: HifiGanConfig, kernel: number, i: number): number {
  const half = (kernel - 1) / 2;
  const plain = config.resblock === '1' ? half : 0;
  const dilations = config.resblock_dilation_sizes[i] ?? [];
  return dilations.reduce((sum, dilation) => sum + half * dilation + plain, 0);
}
