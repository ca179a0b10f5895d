/** BigVGAN as the last stage of a voice: mel spectrograms of any length become samples, chunk by chunk. */
import { vocoderMel } from '#daemon/audio/mel/variants.js';
import type { FrontEndConfig } from '#daemon/audio/mel/front-end.js';
import { mx, type MxArray } from '#native/index.js';

import { vocodeChunks, type VocoderPlan } from '../layers/vocode.js';
import type { BigVganConfig } from './bigvgan-config.js';
import type { BigVgan } from './bigvgan-network.js';

/** About 5 s: shorter chunks are mostly context. */
const CHUNK_FRAMES = 512;
const FIRST_KERNEL_REACH = 3;
const LAST_KERNEL_REACH = 3;
/** Of the filters around an activation. */
const ACTIVATION_REACH = 5;

/**
 * Yields the samples of a mel spectrogram.
 *
 * @param frames log-mels as `bigVganMelOf` makes them, [T, bands]; not freed
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export function vocodeMel(
  network: BigVgan,
  frames: MxArray,
  signal: AbortSignal,
  chunkFrames = CHUNK_FRAMES,
): AsyncGenerator<Float32Array, void> {
  const plan = bigVganPlan(network.config, chunkFrames);
  const features = (start: number, end: number): MxArray =>
    mx.expandDims(mx.slice(frames, [start, 0], [end, frames.shape[1] ?? 0]), 0);
  return vocodeChunks(frames.shape[0] ?? 0, features, plan, () => network.steps(), signal);
}

/** The mel spectrogram that a network reads. */
export function bigVganMelOf(config: BigVganConfig): FrontEndConfig {
  const {
    sampling_rate: sampleRate,
    hop_size: hopSamples,
    n_fft: fftSamples,
    num_mels: bands,
    fmax,
  } = config;
  return vocoderMel({ sampleRate, hopSamples, fftSamples, bands, maxHz: fmax ?? sampleRate / 2 });
}

/** Chunks with the context that makes them exact. */
export function bigVganPlan(config: BigVganConfig, frames = CHUNK_FRAMES): VocoderPlan {
  let [reach, samplesPerFrame] = [FIRST_KERNEL_REACH, 1];
  const ofBlock = Math.max(...config.resblock_kernel_sizes.map((kernel, i) => blockReach(config, kernel, i)));
  for (const [i, rate] of config.upsample_rates.entries()) {
    reach += Math.ceil((config.upsample_kernel_sizes[i] ?? 0) / rate / 2) / samplesPerFrame;
    samplesPerFrame *= rate;
    reach += ofBlock / samplesPerFrame;
  }
  reach += (ACTIVATION_REACH + LAST_KERNEL_REACH) / samplesPerFrame;
  return { hop: config.hop_size, frames, context: Math.ceil(reach), missing: 0 };
}

function blockReach(config: BigVganConfig, kernel: number, i: number): number {
  const half = (kernel - 1) / 2;
  const plain = config.resblock === '1' ? half + ACTIVATION_REACH : 0;
  const dilations = config.resblock_dilation_sizes[i] ?? [];
  return dilations.reduce((sum, dilation) => sum + ACTIVATION_REACH + half * dilation + plain, 0);
}
