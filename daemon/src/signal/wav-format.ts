/** WAV files of mono audio, whole or streamed (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0"). */
import { toPcm16 } from './pcm16.js';

export type WavFormat = 'int16' | 'float32';

const BYTES_PER_SAMPLE: Readonly<Record<WavFormat, number>> = { int16: 2, float32: 4 };
const FORMAT_TAG: Readonly<Record<WavFormat, number>> = { int16: 1, float32: 3 };
const RIFF_BYTES = 12;
/** Header and content of `fmt `, with the empty extension that a float format needs. */
const FORMAT_BYTES = 8 + 18;
/** Header and content of `fact`, which a float format needs. */
const FACT_BYTES = 8 + 4;
const DATA_HEADER_BYTES = 8;
/** Bytes before the samples. */
export const WAV_HEADER_BYTES = RIFF_BYTES + FORMAT_BYTES + FACT_BYTES + DATA_HEADER_BYTES;
/** The size of a stream whose length isn't known yet; players read on to its end. */
const UNKNOWN = 0xffff_ffff;

interface WavHeader {
  /** In Hz. */
  readonly sampleRate: number;
  readonly format: WavFormat;
  /** Number of samples that follow; unknown if omitted, or if they are more than 4 GB. */
  readonly samples?: number;
}

/** The bytes before the samples: always as many, so that the header can be written again once the length is known. */
export function wavHeader({ sampleRate, format, samples }: WavHeader): Uint8Array {
  const header = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(header.buffer);
  const sampleBytes = BYTES_PER_SAMPLE[format];
  const dataBytes = samples === undefined ? UNKNOWN : samples * sampleBytes;
  const isKnown = dataBytes + header.length < UNKNOWN;
  let at = 0;
  const tag = (name: string): void => {
    for (const letter of name) header[at++] = letter.charCodeAt(0);
  };
  const u16 = (value: number): void => {
    view.setUint16(at, value, true);
    at += 2;
  };
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  tag('RIFF');
  u32(isKnown ? header.length - 8 + dataBytes : UNKNOWN);
  tag('WAVE');
  tag('fmt ');
  u32(FORMAT_BYTES - 8);
  u16(FORMAT_TAG[format]);
  u16(1);
  u32(sampleRate);
  u32(sampleRate * sampleBytes);
  u16(sampleBytes);
  u16(8 * sampleBytes);
  u16(0);
  tag('fact');
  u32(FACT_BYTES - 8);
  u32(isKnown ? (samples ?? 0) : UNKNOWN);
  tag('data');
  u32(isKnown ? dataBytes : UNKNOWN);
  return header;
}

/** Samples as they stand in the file. @param samples ±1; louder ones are clipped in `int16` */
export function wavData(samples: Float32Array, format: WavFormat): Uint8Array {
  const data = format === 'int16' ? toPcm16(samples) : samples;
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
