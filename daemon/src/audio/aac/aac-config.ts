import { BitReader } from './bit-reader.js';
import { SAMPLE_RATES } from './bands.js';

/** Decoder settings, from the AudioSpecificConfig of an MP4 or the header of an ADTS frame. */
export interface AacConfig {
  /** Index into SAMPLE_RATES; selects the bands. */
  readonly rateIndex: number;
  /** Core rate in Hz. HE-AAC doubles it by spectral band replication, which this decoder does not do. */
  readonly sampleRate: number;
  /** 0 when a program config element in the stream defines the channels. */
  readonly channels: number;
  /** The stream declares HE-AAC: the band above half the core rate is stored as parameters only. */
  readonly hasSbr: boolean;
}

const LOW_COMPLEXITY = 2;
const SPECTRAL_BAND_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
/** Channels by channel configuration (Table 1.19); missing numbers are reserved. */
const CHANNELS: Readonly<Record<number, number>> = {
  0: 0,
  1: 1,
  2: 2,
  3: 3,
  4: 4,
  5: 5,
  6: 6,
  7: 8,
  11: 7,
  12: 8,
  14: 8,
};

/** @throws RangeError for profiles other than low complexity. */
export function parseAudioSpecificConfig(bytes: Uint8Array): AacConfig {
  const bits = new BitReader(bytes);
  let objectType = readObjectType(bits);
  const { rateIndex, sampleRate } = readRate(bits);
  const channels = CHANNELS[bits.read(4)];
  let hasSbr = false;
  if (objectType === SPECTRAL_BAND_REPLICATION || objectType === PARAMETRIC_STEREO) {
    hasSbr = true;
    readRate(bits); // the output rate
    objectType = readObjectType(bits);
  }
  if (objectType !== LOW_COMPLEXITY) throw new RangeError(`AAC profile ${objectType}`);
  if (channels === undefined) throw new RangeError('reserved AAC channel layout');
  if (bits.flag()) throw new RangeError('AAC frames of 960 samples');
  return { rateIndex, sampleRate, channels, hasSbr: hasSbr || readTrailingSbr(bits) };
}

/** Reads the backward-compatible HE-AAC declaration, which follows the part that older decoders read. */
function readTrailingSbr(bits: BitReader): boolean {
  if (bits.remainingBits < 2) return false;
  if (bits.flag()) bits.skip(14); // core coder delay
  bits.skip(1); // extension flag
  if (bits.remainingBits < 17 || bits.read(11) !== 0x2b7) return false;
  return bits.read(5) === SPECTRAL_BAND_REPLICATION && bits.flag();
}

function readObjectType(bits: BitReader): number {
  const type = bits.read(5);
  return type === 31 ? 32 + bits.read(6) : type;
}

function readRate(bits: BitReader): { rateIndex: number; sampleRate: number } {
  const index = bits.read(4);
  if (index !== 15) {
    const sampleRate = SAMPLE_RATES[index];
    if (sampleRate === undefined) throw new RangeError('reserved AAC sample rate');
    return { rateIndex: index, sampleRate };
  }
  const sampleRate = bits.read(24);
  if (sampleRate === 0) throw new RangeError('AAC sample rate of 0');
  // A rate without an index uses the bands of the nearest one that has an index.
  const rateIndex = SAMPLE_RATES.reduce(
    (best, rate, i) =>
      Math.abs(rate - sampleRate) < Math.abs((SAMPLE_RATES[best] ?? 0) - sampleRate) ? i : best,
    0,
  );
  return { rateIndex, sampleRate };
}

/** @param header the first 7 bytes of a valid ADTS frame */
export function parseAdtsHeader(header: Uint8Array): AacConfig & { readonly headerBytes: number } {
  const bits = new BitReader(header);
  bits.skip(15);
  const headerBytes = bits.flag() ? 7 : 9; // with a checksum
  if (bits.read(2) + 1 !== LOW_COMPLEXITY) throw new RangeError('AAC profile other than low complexity');
  const rateIndex = bits.read(4);
  const sampleRate = SAMPLE_RATES[rateIndex];
  if (sampleRate === undefined) throw new RangeError('reserved AAC sample rate');
  bits.skip(1);
  const channels = CHANNELS[bits.read(3)] ?? 0;
  return { rateIndex, sampleRate, channels, hasSbr: false, headerBytes };
}
