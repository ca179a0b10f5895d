/**
 * Codecs without a state, chunk by chunk: each is computed with its context on both sides, which is then dropped. The chunks
 * joined equal the whole within rounding, and memory does not grow with the length.
 */
import { throwIfCancelled } from '#daemon/async.js';
import type { Codes } from '#daemon/protocol/codec.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx, type MxArray } from '#native/index.js';

import { overlappingChunks } from '../../ctc/chunks.js';
import { samplesOf } from '../codes-arrays.js';

export interface ChunkPlan {
  /** Samples of a frame. */
  readonly hop: number;
  /** Frames that are computed together; the sizes below are multiples. */
  readonly block: number;
  /** Frames to keep of each chunk. */
  readonly frames: number;
  /** Frames of context on each side; more than the reach of the network. */
  readonly context: number;
}

/** Frames to keep, of those that are computed. */
export interface ChunkRange {
  readonly start: number;
  readonly first: number;
  readonly end: number;
  readonly last: number;
}

/** The chunks of `total` frames; none is shorter than the context, unless it is the only one. */
export function* frameRanges(
  total: number,
  { frames, context }: Omit<ChunkPlan, 'hop' | 'block'>,
): Generator<ChunkRange> {
  for (let first = 0; first < total;) {
    const isLast = first + frames + context >= total;
    const last = isLast ? total : first + frames;
    yield { start: Math.max(0, first - context), first, last, end: Math.min(total, last + context) };
    first = last;
  }
}

/**
 * Yields the samples of each chunk, cut at `samples`.
 *
 * @param compute samples [1, at most (end - start) · hop, 1] of the frames of a range, evaluated; freed here
 * @throws SottoError CANCELLED; ENGINE_CRASHED for a NaN
 */
export async function* decodeChunks(
  { frames, samples }: { readonly frames: number; readonly samples: number },
  plan: ChunkPlan,
  compute: (range: ChunkRange) => Promise<MxArray>,
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void> {
  const { hop } = plan;
  for (const range of frameRanges(frames, plan)) {
    throwIfCancelled(signal);
    const audio = await compute(range);
    let chunk: Float32Array;
    try {
      chunk = samplesOf(audio);
    } finally {
      audio.dispose();
    }
    const [from, to] = [range.first, range.last].map((frame) => (frame - range.start) * hop);
    yield chunk.subarray(from, Math.min(to ?? 0, samples - range.start * hop));
  }
}

/** @throws SottoError INVALID_ARGUMENT for another number of frames than the audio has, padded to whole blocks */
export function checkFrames(frames: number, samples: number, { hop, block }: ChunkPlan): void {
  const wanted = Math.ceil(samples / (hop * block)) * block;
  if (wanted !== frames) {
    throw new SottoError('INVALID_ARGUMENT', `${samples} samples have ${wanted} frames, not ${frames}`);
  }
}

/**
 * Yields the codes of each chunk; returns the number of samples. The end is padded with zeros to a whole block.
 *
 * @param strides frames of one code, for each codebook
 * @param compute codes of samples [1, L, 1], for each codebook uint32 [1, frames / stride], evaluated; frees its input
 * @throws SottoError CANCELLED
 */
export async function* encodeChunks(
  stream: AsyncIterable<Float32Array>,
  { hop, block, frames, context }: ChunkPlan,
  strides: readonly number[],
  compute: (samples: MxArray) => Promise<MxArray[]>,
  signal: AbortSignal,
): AsyncGenerator<Codes, number> {
  let count = 0;
  const counted = async function* (): AsyncGenerator<Float32Array, void> {
    for await (const samples of stream) {
      count += samples.length;
      yield samples;
    }
  };
  for await (const chunk of overlappingChunks(counted(), { hop, window: hop, frames, context })) {
    throwIfCancelled(signal);
    const padded = new Float32Array(Math.ceil(chunk.samples.length / (hop * block)) * hop * block);
    if (padded.length === 0) break;
    padded.set(chunk.samples);
    const codes = await compute(mx.array(padded, [1, -1, 1]));
    try {
      yield {
        codes: codes.map((own, i) => {
          const stride = strides[i] ?? 1;
          const from = chunk.skip / stride;
          return [...own.toTypedArray('uint32').subarray(from, from + chunk.keep / stride)];
        }),
      };
    } finally {
      mx.dispose(codes);
    }
  }
  return count;
}
