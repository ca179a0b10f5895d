/** BigVGAN as the last stage of a voice: mel spectrograms of any length become samples, chunk by chunk. */
import { vocoderMel } from '#daemon/audio/mel/variants.js';
import type { FrontEndConfig } from '#daemon/audio/mel/front-end.js';
import type { MxArray } from '#native/index.js';

import { generatorPlan, vocodeFrames } from '../layers/generator-plan.js';
import type { VocoderPlan } from '../layers/vocode.js';
import type { BigVganConfig } from './bigvgan-config.js';
import type { BigVgan } from './bigvgan-network.js';

/** About 5 s: shorter chunks are mostly context. */
const CHUNK_FRAMES = 512;
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
  return vocodeFrames(network, frames, bigVganPlan(network.config, chunkFrames), signal);
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
export const bigVganPlan = (config: BigVganConfig, frames = CHUNK_FRAMES): VocoderPlan =>
  generatorPlan(config, frames, ACTIVATION_REACH);
