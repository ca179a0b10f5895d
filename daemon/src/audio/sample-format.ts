/** Reads uncompressed samples of WAV and AIFF into planar floats. */

export type SampleFormat =
  | 'u8'
  | 's8'
  | 's16le'
  | 's16be'
  | 's24le'
  | 's24be'
  | 's32le'
  | 's32be'
  | 'f32le'
  | 'f32be'
  | 'f64le'
  | 'f64be'
  | 'alaw'
  | 'mulaw';

type ReadSample = (view: DataView, offset: number) => number;

const FORMATS: Record<SampleFormat, { readonly bytes: number; readonly read: ReadSample }> = {
  u8: { bytes: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  s8: { bytes: 1, read: (view, at) => view.getInt8(at) / 128 },
  s16le: { bytes: 2, read: (view, at) => view.getInt16(at, true) / 32768 },
  s16be: { bytes: 2, read: (view, at) => view.getInt16(at, false) / 32768 },
  s24le: {
    bytes: 3,
    read: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608,
  },
  s24be: {
    bytes: 3,
    read: (view, at) => ((view.getInt16(at, false) << 8) | view.getUint8(at + 2)) / 8388608,
  },
  s32le: { bytes: 4, read: (view, at) => view.getInt32(at, true) / 2147483648 },
  s32be: { bytes: 4, read: (view, at) => view.getInt32(at, false) / 2147483648 },
  f32le: { bytes: 4, read: (view, at) => finite(view.getFloat32(at, true)) },
  f32be: { bytes: 4, read: (view, at) => finite(view.getFloat32(at, false)) },
  f64le: { bytes: 8, read: (view, at) => finite(view.getFloat64(at, true)) },
  f64be: { bytes: 8, read: (view, at) => finite(view.getFloat64(at, false)) },
  alaw: { bytes: 1, read: (view, at) => ALAW[view.getUint8(at)] ?? 0 },
  mulaw: { bytes: 1, read: (view, at) => MULAW[view.getUint8(at)] ?? 0 },
};

/** Replaces NaN and ±Infinity with silence: one of them would corrupt a whole window of the spectrogram. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

// ITU-T G.711, scaled to ±1.
const ALAW = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 15) << 4) + 8;
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1);
  return ((bits & 0x80) !== 0 ? magnitude : -magnitude) / 32768;
});
const MULAW = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132;
  return ((bits & 0x80) !== 0 ? -magnitude : magnitude) / 32768;
});

export function bytesPerSample(format: SampleFormat): number {
  return FORMATS[format].bytes;
}

/**
 * Splits interleaved frames into one array per channel. Drops an incomplete frame at the end.
 * @param frameBytes distance between frames, at least channels × bytesPerSample
 */
export function deinterleave(
  bytes: Uint8Array,
  format: SampleFormat,
  channels: number,
  frameBytes = channels * bytesPerSample(format),
): Float32Array[] {
  const { bytes: step, read } = FORMATS[format];
  const frames = Math.floor(bytes.length / frameBytes);
  if (format === 's16le' && IS_LITTLE_ENDIAN && bytes.byteOffset % 2 === 0 && frameBytes === 2 * channels) {
    return deinterleave16(new Int16Array(bytes.buffer, bytes.byteOffset, frames * channels), channels);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let i = 0, at = channel * step; i < frames; i++, at += frameBytes) samples[i] = read(view, at);
    return samples;
  });
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Fast path for the most common format, without a call per sample. */
function deinterleave16(interleaved: Int16Array, channels: number): Float32Array[] {
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(interleaved.length / channels);
    for (let i = 0, at = channel; i < samples.length; i++, at += channels) {
      samples[i] = (interleaved[at] as number) / 32768;
    }
    return samples;
  });
}
