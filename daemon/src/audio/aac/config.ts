import { BitReader } from './bit-reader.js';
import { SAMPLE_RATES } from './bands.js';

/** How an AAC stream is to be decoded: from the AudioSpecificConfig of an MP4 or the header of an ADTS frame. */
export interface AacConfig {
  /** Index into SAMPLE_RATES: decides the bands. */
  readonly rateIndex: number;
  /** Hz, of the core: HE-AAC doubles it by spectral band replication, which this decoder leaves out. */
  readonly sampleRate: number;
  /** 0 when a program config element in the stream says it. */
  readonly channels: number;
  /** The stream says that it is HE-AAC: above half of the core's rate there is more, but only parameters of it. */
  readonly hasSbr: boolean;
}

const LOW_COMPLEXITY = 2;
const SPECTRAL_BAND_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;
/** Channels by channel configuration (Table 1.19); the ones between have a program config element or are reserved. */
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
    readRate(bits); // of the output
    objectType = readObjectType(bits);
  }
  if (objectType !== LOW_COMPLEXITY) throw new RangeError(`AAC profile ${objectType}`);
  if (channels === undefined) throw new RangeError('an AAC channel layout that nobody uses');
  if (bits.flag()) throw new RangeError('AAC frames of 960 samples');
  return { rateIndex, sampleRate, channels, hasSbr: hasSbr || readTrailingSbr(bits) };
}

/** The backward compatible way to announce HE-AAC, behind the part that old decoders read. */
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
    if (sampleRate === undefined) throw new RangeError('a reserved AAC sample rate');
    return { rateIndex: index, sampleRate };
  }
  const sampleRate = bits.read(24);
  if (sampleRate === 0) throw new RangeError('an AAC sample rate of 0');
  // A rate that has no index borrows the bands of the nearest one.
  const rateIndex = SAMPLE_RATES.reduce(
    (best, rate, i) =>
      Math.abs(rate - sampleRate) < Math.abs((SAMPLE_RATES[best] ?? 0) - sampleRate) ? i : best,
    0,
  );
  return { rateIndex, sampleRate };
}

/** @param header the first 7 bytes of an ADTS frame, already known to be one. */
export function parseAdtsHeader(header: Uint8Array): AacConfig & { readonly headerBytes: number } {
  const bits = new BitReader(header);
  bits.skip(15);
  const headerBytes = bits.flag() ? 7 : 9; // with a checksum
  if (bits.read(2) + 1 !== LOW_COMPLEXITY) throw new RangeError('an AAC profile other than low complexity');
  const rateIndex = bits.read(4);
  const sampleRate = SAMPLE_RATES[rateIndex];
  if (sampleRate === undefined) throw new RangeError('a reserved AAC sample rate');
  bits.skip(1);
  const channels = CHANNELS[bits.read(3)] ?? 0;
  return { rateIndex, sampleRate, channels, hasSbr: false, headerBytes };
}
