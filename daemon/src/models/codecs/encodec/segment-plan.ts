/** Where the segments of a codec without a causal network lie. */
import { seanetHop } from '../layers/seanet.js';
import type { EncodecConfig } from './encodec-config.js';

export interface EncodecSegment {
  /** Of its first sample. */
  readonly offset: number;
  readonly samples: number;
  readonly frames: number;
}

export interface SegmentSize {
  /** Samples of a segment, and from the start of one to the start of the next. */
  readonly length: number;
  readonly stride: number;
  /** Samples of a frame. */
  readonly hop: number;
}

/** Undefined for a codec without segments. */
export function segmentSize(config: EncodecConfig): SegmentSize | undefined {
  const { chunk_length_s: seconds, overlap, sampling_rate: rate } = config;
  if (seconds === null) return undefined;
  const length = Math.floor(seconds * rate);
  return { length, stride: Math.max(1, Math.floor((1 - (overlap ?? 0)) * length)), hop: seanetHop(config) };
}

/** Of audio of `samples` samples for each channel. A segment starts wherever audio is left, even if the one before has it, too. */
export function* segmentsOf(
  samples: number,
  { length, stride, hop }: SegmentSize,
): Generator<EncodecSegment, void> {
  for (let offset = 0; offset < samples; offset += stride) {
    const own = Math.min(length, samples - offset);
    yield { offset, samples: own, frames: Math.ceil(own / hop) };
  }
}
