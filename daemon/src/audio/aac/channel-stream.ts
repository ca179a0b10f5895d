import { LONG_BANDS, SHORT_BANDS } from './bands.js';
import { type BitReader } from './bit-reader.js';
import { readScaleFactorDelta, readSpectrum } from './huffman.js';
import { type TnsFilter, readTns } from './tns.js';

/** Samples, and spectral values, of a frame for each channel. */
export const FRAME_SAMPLES = 1024;
/** Spectral values of each of the eight short windows. */
export const SHORT_WINDOW_SAMPLES = 128;

export const LONG_START = 1;
export const EIGHT_SHORT = 2;
export const LONG_STOP = 3;

export const ZERO_BOOK = 0;
export const NOISE_BOOK = 13;
/** Intensity stereo, out of phase and in phase. */
export const INTENSITY_BOOK2 = 14;
export const INTENSITY_BOOK = 15;

/** ics_info(): how a frame is divided into windows, groups of windows, and bands. */
export interface WindowInfo {
  readonly sequence: number;
  /** 0 sine, 1 Kaiser-Bessel derived. */
  readonly shape: number;
  /** Number of bands that carry data. */
  readonly maxBand: number;
  /** Windows in each group: [1] for a long window; the groups of the eight short ones share their scale factors. */
  readonly groups: readonly number[];
  /** Offsets of the bands of a window, with the end of the last one: one entry more than bands. */
  readonly bands: readonly number[];
}

export function readWindowInfo(bits: BitReader, rateIndex: number): WindowInfo {
  bits.skip(1);
  const sequence = bits.read(2);
  const shape = bits.read(1);
  const short = sequence === EIGHT_SHORT;
  const bands = (short ? SHORT_BANDS : LONG_BANDS)[rateIndex] ?? [];
  const maxBand = bits.read(short ? 4 : 6);
  if (maxBand > bands.length - 1) throw new RangeError('too many AAC bands');
  const groups = [1];
  if (short) {
    for (let i = 0; i < 7; i++) {
      if (bits.flag()) groups[groups.length - 1] = (groups[groups.length - 1] ?? 0) + 1;
      else groups.push(1);
    }
  } else if (bits.flag()) {
    throw new RangeError('AAC prediction is not part of the low-complexity profile');
  }
  return { sequence, shape, maxBand, groups, bands };
}

/** One channel of a frame as read from the stream, before the stereo tools. */
export interface ChannelStream {
  readonly info: WindowInfo;
  /** Code book of each band, [group · maxBand + band]. */
  readonly books: Uint8Array;
  /** Scale factor, noise energy or intensity position of each band, depending on its code book. */
  readonly factors: Int16Array;
  readonly tns: readonly TnsFilter[];
  /** [1024]; short windows one after the other, 128 each. */
  readonly spectrum: Float32Array;
}

/** individual_channel_stream(). @param shared window info that both channels of a pair use */
export function readChannelStream(bits: BitReader, rateIndex: number, shared?: WindowInfo): ChannelStream {
  const globalGain = bits.read(8);
  const info = shared ?? readWindowInfo(bits, rateIndex);
  const books = readSections(bits, info);
  const factors = readScaleFactors(bits, books, globalGain);
  const pulses = bits.flag() ? readPulses(bits, info) : [];
  const tns = bits.flag() ? readTns(bits, info, rateIndex) : [];
  if (bits.flag()) throw new RangeError('AAC gain control is not part of the low-complexity profile');
  return { info, books, factors, tns, spectrum: readBands(bits, info, books, factors, pulses) };
}

function readSections(bits: BitReader, info: WindowInfo): Uint8Array {
  const lengthBits = info.sequence === EIGHT_SHORT ? 3 : 5;
  const more = (1 << lengthBits) - 1;
  const books = new Uint8Array(info.groups.length * info.maxBand);
  for (let group = 0; group < info.groups.length; group++) {
    for (let band = 0; band < info.maxBand;) {
      const book = bits.read(4);
      if (book === 12) throw new RangeError('reserved AAC code book');
      let length = 0;
      for (let part = more; part === more; length += part) part = bits.read(lengthBits);
      if (length === 0 || band + length > info.maxBand) throw new RangeError('overlapping AAC sections');
      books.fill(book, group * info.maxBand + band, group * info.maxBand + band + length);
      band += length;
    }
  }
  return books;
}

function readScaleFactors(bits: BitReader, books: Uint8Array, globalGain: number): Int16Array {
  const factors = new Int16Array(books.length);
  let factor = globalGain;
  let position = 0;
  let noise: number | undefined;
  for (const [i, book] of books.entries()) {
    if (book === ZERO_BOOK) continue;
    if (book === INTENSITY_BOOK || book === INTENSITY_BOOK2) {
      factors[i] = position += readScaleFactorDelta(bits);
    } else if (book === NOISE_BOOK) {
      // The first noise energy is absolute, the others are differences.
      noise = noise === undefined ? globalGain - 90 + bits.read(9) - 256 : noise + readScaleFactorDelta(bits);
      factors[i] = noise;
    } else {
      factor += readScaleFactorDelta(bits);
      if (factor < 0 || factor > 255) throw new RangeError('AAC scale factor out of range');
      factors[i] = factor;
    }
  }
  return factors;
}

interface Pulse {
  readonly at: number;
  readonly amplitude: number;
}

function readPulses(bits: BitReader, info: WindowInfo): Pulse[] {
  if (info.sequence === EIGHT_SHORT) throw new RangeError('AAC pulses in short windows');
  const count = bits.read(2) + 1;
  let at = info.bands[bits.read(6)] ?? FRAME_SAMPLES;
  const pulses = Array.from({ length: count }, () => ({ at: (at += bits.read(5)), amplitude: bits.read(4) }));
  if (at >= FRAME_SAMPLES) throw new RangeError('AAC pulse beyond the spectrum');
  return pulses;
}

const quantized = new Int16Array(FRAME_SAMPLES);

/** |q|^(4/3) for every value that can be coded (pulses go slightly beyond 8191). */
const DEQUANTIZED = Float64Array.from({ length: 8192 + 64 }, (_, q) => q ** (4 / 3));

function readBands(
  bits: BitReader,
  info: WindowInfo,
  books: Uint8Array,
  factors: Int16Array,
  pulses: readonly Pulse[],
): Float32Array {
  const { groups, bands, maxBand } = info;
  const spectrum = new Float32Array(FRAME_SAMPLES);
  let firstWindow = 0;
  for (const [group, windows] of groups.entries()) {
    for (let band = 0; band < maxBand; band++) {
      const index = group * maxBand + band;
      const book = books[index] ?? 0;
      if (book === ZERO_BOOK || book >= NOISE_BOOK) continue;
      const start = bands[band] ?? 0;
      const width = (bands[band + 1] ?? 0) - start;
      // The stream stores a band's values for all windows of the group one after another.
      readSpectrum(bits, book, quantized, 0, width * windows);
      const scale = 2 ** (((factors[index] ?? 0) - 100) / 4);
      for (const pulse of pulses) {
        const i = pulse.at - start;
        if (i < 0 || i >= width) continue;
        const value = quantized[i] as number;
        quantized[i] = value > 0 ? value + pulse.amplitude : value - pulse.amplitude;
      }
      for (let window = 0; window < windows; window++) {
        const to = (firstWindow + window) * SHORT_WINDOW_SAMPLES + start;
        for (let i = 0; i < width; i++) {
          const value = quantized[window * width + i] as number;
          if (value > 0) spectrum[to + i] = (DEQUANTIZED[value] as number) * scale;
          else if (value < 0) spectrum[to + i] = -(DEQUANTIZED[-value] as number) * scale;
        }
      }
    }
    firstWindow += windows;
  }
  return spectrum;
}
