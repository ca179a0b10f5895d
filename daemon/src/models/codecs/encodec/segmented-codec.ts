/** Encodes and decodes streams with a network that knows only segments: each on its own, with its own loudness. */
import { throwIfCancelled } from '#daemon/async.js';
import type { Codes, EncodedAudio } from '#daemon/protocol/codec.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { mx } from '#native/index.js';

import { runSteps } from '../../network-steps.js';
import { codeLists, codesArray, samplesOf } from '../codes-arrays.js';
import type { Encodec } from './encodec-network.js';
import { OverlapAdd } from './overlap-add.js';
import { segmentsOf, type SegmentSize } from './segment-plan.js';

const MIN_SCALE = 1e-8;

/**
 * Yields the codes and the scale of each segment; returns the number of samples for each channel.
 *
 * @param chunks interleaved samples
 * @throws SottoError CANCELLED within two layers
 */
export async function* encodeSegments(
  network: Encodec,
  size: SegmentSize,
  chunks: AsyncIterable<Float32Array>,
  codebooks: number,
  signal: AbortSignal,
): AsyncGenerator<Codes, number> {
  const { channels } = network;
  let count = 0;
  for await (const segment of segmentBlocks(chunks, size, channels)) {
    throwIfCancelled(signal);
    count += segment.newSamples;
    const scale = network.config.normalize ? scaleOf(segment.samples, channels) : 1;
    const input = mx.array(
      segment.samples.map((x) => x / scale),
      [1, segment.samples.length / channels, channels],
    );
    const codes = await runSteps(input, network.encodeSteps(codebooks), signal);
    const lists = codeLists(codes);
    codes.dispose();
    yield network.config.normalize ? { codes: lists, scales: [scale] } : { codes: lists };
  }
  return count;
}

/**
 * Yields interleaved samples, cut at the length of the audio.
 *
 * @param encoded checked by `checkSegments`
 * @throws SottoError CANCELLED within two layers; ENGINE_CRASHED for a NaN
 */
export async function* decodeSegments(
  network: Encodec,
  size: SegmentSize,
  { codes, scales, samples }: EncodedAudio,
  signal: AbortSignal,
): AsyncGenerator<Float32Array, void> {
  const joined = new OverlapAdd(size.stride, network.channels);
  let [frame, index, done] = [0, 0, 0];
  for (const segment of segmentsOf(samples, size)) {
    throwIfCancelled(signal);
    const output = await runSteps(
      codesArray(codes, frame, frame + segment.frames),
      network.decodeSteps(),
      signal,
    );
    const scale = scales?.[index++] ?? 1;
    const decoded = samplesOf(output).map((x) => x * scale);
    output.dispose();
    frame += segment.frames;
    const ready = joined.add(decoded, segment.offset + size.stride >= samples);
    const wanted = ready.subarray(0, (samples - done) * network.channels);
    done += wanted.length / network.channels;
    yield wanted;
  }
}

/** @throws SottoError INVALID_ARGUMENT for codes and scales that are not those of all segments */
export function checkSegments(
  { codes, scales, samples }: EncodedAudio,
  size: SegmentSize,
  normalizes: boolean,
): void {
  let [frames, count] = [0, 0];
  const available = codes[0]?.length ?? 0;
  for (const segment of segmentsOf(samples, size)) {
    frames += segment.frames;
    count++;
    if (frames > available) break; // a number of samples that is made up would count for long
  }
  if (frames !== available) {
    throw new SottoError('INVALID_ARGUMENT', `${samples} samples don’t have ${available} frames in segments`);
  }
  const found = scales?.length ?? 0;
  if (found !== (normalizes ? count : 0)) {
    throw new SottoError('INVALID_ARGUMENT', `there are ${found} scales for ${count} segments`);
  }
  if (scales?.every((scale) => Number.isFinite(scale) && scale >= 0) === false) {
    throw new SottoError('INVALID_ARGUMENT', 'a scale is negative or not a number');
  }
}

/** Root mean square of the mean of the channels. */
function scaleOf(samples: Float32Array, channels: number): number {
  const frames = samples.length / channels;
  let power = 0;
  for (let t = 0; t < frames; t++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += samples[t * channels + c] ?? 0;
    power += (sum / channels) ** 2;
  }
  return Math.fround(Math.sqrt(power / frames) + MIN_SCALE);
}

/** The samples of each segment, and how many of them the one before did not have. */
async function* segmentBlocks(
  chunks: AsyncIterable<Float32Array>,
  { length, stride }: SegmentSize,
  channels: number,
): AsyncGenerator<{ samples: Float32Array; newSamples: number }, void> {
  let buffer = new Float32Array(length * channels);
  let filled = 0;
  let known = 0; // samples at the start that were counted
  const segment = (): { samples: Float32Array; newSamples: number } => {
    const own = { samples: buffer.subarray(0, filled), newSamples: (filled - known) / channels };
    const next = new Float32Array(length * channels);
    const kept = buffer.subarray(Math.min(filled, stride * channels), filled);
    next.set(kept);
    [buffer, filled, known] = [next, kept.length, kept.length];
    return own;
  };
  for await (let rest of chunks) {
    while (rest.length > 0) {
      if (filled === buffer.length) yield segment();
      const part = rest.subarray(0, buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
  }
  while (filled > 0) yield segment();
}
