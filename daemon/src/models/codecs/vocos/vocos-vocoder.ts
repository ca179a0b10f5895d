/** Vocos as the last stage of a voice: features of any length become samples, chunk by chunk. */
import { mx, type MxArray } from '#native/index.js';

import { SottoError } from '#daemon/protocol/errors.js';
import { vocosMel } from '#daemon/audio/mel/variants.js';
import type { FrontEndConfig } from '#daemon/audio/mel/front-end.js';
import { checkRange } from '../layers/check-codes.js';
import { vocodeChunks, type VocoderPlan } from '../layers/vocode.js';
import { CODEBOOK_ROWS, type VocosConfig } from './vocos-config.js';
import type { Vocos } from './vocos-network.js';

/** About 5 s. */
const CHUNK_FRAMES = 512;
const KERNEL_REACH = 3;

/**
 * Yields the samples of a mel spectrogram.
 *
 * @param frames log-mels as `vocosMelOf` makes them, [T, bands]; not freed
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export function vocodeMel(
  network: Vocos,
  frames: MxArray,
  signal: AbortSignal,
  chunkFrames = CHUNK_FRAMES,
): AsyncGenerator<Float32Array, void> {
  const plan = vocosPlan(network.config, chunkFrames);
  const features = (start: number, end: number): MxArray =>
    mx.expandDims(mx.slice(frames, [start, 0], [end, frames.shape[1] ?? 0]), 0);
  return vocodeChunks(frames.shape[0] ?? 0, features, plan, () => network.steps(), signal);
}

/**
 * Yields the samples of Encodec’s codes at 24 kHz, of which there must be as many codebooks as a bandwidth has.
 *
 * @throws SottoError INVALID_ARGUMENT for other codes; CANCELLED; ENGINE_CRASHED for a NaN
 */
export async function* vocodeCodes(
  network: Vocos,
  codes: readonly (readonly number[])[],
  signal: AbortSignal,
  chunkFrames = CHUNK_FRAMES,
): AsyncGenerator<Float32Array, void> {
  const { config } = network;
  const bandwidth = bandwidthOf(config, codes);
  const features = (start: number, end: number): MxArray => {
    const rows = codes.flatMap((list) => list.slice(start, end));
    return network.featuresOf(mx.array(Uint32Array.from(rows), [1, codes.length, end - start]));
  };
  const plan = vocosPlan(config, chunkFrames);
  yield* vocodeChunks(codes[0]?.length ?? 0, features, plan, () => network.steps(bandwidth), signal);
}

function bandwidthOf({ features }: VocosConfig, codes: readonly (readonly number[])[]): number {
  const counts = features.kind === 'codes' ? features.codebooks : [];
  const bandwidth = counts.indexOf(codes.length);
  if (bandwidth < 0) {
    const known = counts.length === 0 ? 'a mel spectrogram' : `${counts.join(', ')} codebooks`;
    throw new SottoError(
      'INVALID_ARGUMENT',
      `the codes have ${codes.length} codebooks; the vocoder reads ${known}`,
    );
  }
  for (const [i, list] of codes.entries()) {
    if (list.length !== codes[0]?.length) {
      throw new SottoError(
        'INVALID_ARGUMENT',
        `codebook ${i} has ${list.length} codes, codebook 0 has another number`,
      );
    }
    checkRange(list, CODEBOOK_ROWS, i);
  }
  return bandwidth;
}

/** The mel spectrogram that a network reads. @throws RangeError for one that reads codes */
export function vocosMelOf({ features }: VocosConfig): FrontEndConfig {
  if (features.kind !== 'mel') throw new RangeError('this Vocos reads codes');
  const {
    sample_rate: sampleRate,
    hop_length: hopSamples,
    n_fft: fftSamples,
    n_mels: bands,
    padding,
  } = features;
  const centered = vocosMel({ sampleRate, hopSamples, fftSamples, bands, maxHz: sampleRate / 2 });
  if (padding === 'center') return centered;
  return { ...centered, padding: { ...centered.padding, samples: (fftSamples - hopSamples) / 2 } };
}

/** Chunks with the context that makes them exact: the reach of the convolutions, and of windows that overlap. */
export function vocosPlan({ backbone, head }: VocosConfig, frames = CHUNK_FRAMES): VocoderPlan {
  const { n_fft: size, hop_length: hop, padding } = head;
  return {
    hop,
    frames,
    context: KERNEL_REACH * (1 + backbone.num_layers) + Math.ceil(size / 2 / hop),
    missing: padding === 'center' ? hop : 0,
  };
}
