/** Encodes and decodes streams of any length with a network that has a state: memory does not grow with the length. */
import { throwIfCancelled } from '#daemon/async.js';
import type { Codes, EncodedAudio } from '#daemon/protocol/codec.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';

import { codecBlocks } from './codec-blocks.js';
import { codeLists, codesArray, samplesOf } from './codes-arrays.js';
import type { StreamState } from './layers/chunk-pass.js';
import type { CodecRunner } from './codec-model.js';
import { runChunk, type StreamingCodec } from './run-chunk.js';

/** @param chunkFrames frames of a chunk, at least `firstChunkFrames` */
export function streamRunner(network: StreamingCodec, chunkFrames: number): CodecRunner {
  return {
    encode: (samples, codebooks, signal) =>
      encodeStream(network, samples, { codebooks, chunkFrames }, signal),
    decode: (encoded, signal) => decodeStream(network, encoded, chunkFrames, signal),
  };
}

/**
 * Yields the codes of each chunk; returns the number of samples.
 *
 * @param chunkFrames frames of a chunk, at least `firstChunkFrames`
 * @throws SottoError CANCELLED within two layers
 */
export async function* encodeStream(
  network: StreamingCodec,
  samples: AsyncIterable<Float32Array>,
  { codebooks, chunkFrames }: { readonly codebooks: number; readonly chunkFrames: number },
  signal: AbortSignal,
): AsyncGenerator<Codes, number> {
  const frames = Math.max(chunkFrames, network.firstChunkFrames);
  let state: StreamState | undefined;
  let count = 0;
  try {
    for await (const block of codecBlocks(samples, frames * network.hop)) {
      throwIfCancelled(signal);
      const input = mx.array(block.samples, [1, block.samples.length, 1]);
      const chunk = await runChunk(
        input,
        (pass) => network.encodeSteps(codebooks, pass),
        state,
        { isLast: block.isLast, samples: block.samples.length },
        signal,
      );
      state?.dispose();
      state = chunk.state;
      const codes = codeLists(chunk.output);
      chunk.output.dispose();
      count += block.samples.length;
      yield { codes };
    }
    return count;
  } finally {
    state?.dispose();
  }
}

/**
 * Yields the samples of each chunk, cut at the length of the audio.
 *
 * @param codes checked already: as many codes in each codebook, all in range
 * @throws SottoError INVALID_ARGUMENT for fewer codes than samples; CANCELLED within two layers; ENGINE_CRASHED for a NaN
 */
export async function* decodeStream(
  network: StreamingCodec,
  { codes, samples }: EncodedAudio,
  chunkFrames: number,
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void> {
  const frames = framesFor(samples, network.hop, codes[0]?.length ?? 0);
  const size = Math.max(chunkFrames, network.firstChunkFrames);
  let state: StreamState | undefined;
  try {
    for (let from = 0; from < frames; from += size) {
      throwIfCancelled(signal);
      const to = Math.min(frames, from + size);
      const chunk = await runChunk(
        codesArray(codes, from, to),
        (pass) => network.decodeSteps(pass),
        state,
        { isLast: to === frames, samples: (to - from) * network.hop },
        signal,
      );
      state?.dispose();
      state = chunk.state;
      try {
        yield samplesOf(chunk.output).subarray(0, samples - from * network.hop);
      } finally {
        chunk.output.dispose();
      }
    }
  } finally {
    state?.dispose();
  }
}

/** Frames of `samples`; there may be more codes behind them. @throws SottoError INVALID_ARGUMENT for fewer */
function framesFor(samples: number, hop: number, available: number): number {
  const frames = Math.ceil(samples / hop);
  if (frames <= available) return frames;
  throw new SottoError(
    'INVALID_ARGUMENT',
    `${samples} samples have ${frames} frames; there are codes for ${available}`,
  );
}
