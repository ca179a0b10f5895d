import { viewOf } from '../bytes.js';

/** The identification header of Opus (RFC 7845 §5.1), the same in Ogg and Matroska. */
export interface OpusHead {
  readonly channels: number;
  /** Samples at 48 kHz that the decoder produces before the audio starts. */
  readonly preSkip: number;
  /** Linear gain for the decoded samples. */
  readonly gain: number;
  readonly streams: number;
  readonly coupledStreams: number;
  readonly mapping: Uint8Array;
}

/** @throws Error for an invalid header */
export function parseOpusHead(bytes: Uint8Array): OpusHead {
  const view = viewOf(bytes);
  if (bytes.length < 19 || String.fromCharCode(...bytes.subarray(0, 8)) !== 'OpusHead') {
    throw new Error('broken Opus header');
  }
  const channels = view.getUint8(9);
  const common = {
    channels,
    preSkip: view.getUint16(10, true),
    gain: 10 ** (view.getInt16(16, true) / 256 / 20), // in 1/256 dB
  };
  if (view.getUint8(18) === 0) {
    if (channels !== 1 && channels !== 2) throw new Error('broken Opus header');
    return {
      ...common,
      streams: 1,
      coupledStreams: channels - 1,
      mapping: Uint8Array.of(0, 1).subarray(0, channels),
    };
  }
  const mapping = bytes.subarray(21, 21 + channels);
  const streams = bytes[19] ?? 0;
  const coupledStreams = bytes[20] ?? 0;
  const sources = streams + coupledStreams;
  const broken = channels === 0 || mapping.length < channels || streams === 0 || coupledStreams > streams;
  if (broken || sources > 255 || mapping.some((source) => source !== 255 && source >= sources)) {
    throw new Error('broken Opus header');
  }
  return { ...common, streams, coupledStreams, mapping };
}
