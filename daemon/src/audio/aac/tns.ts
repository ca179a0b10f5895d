import { TNS_MAX_LONG_BANDS, TNS_MAX_SHORT_BANDS } from './bands.js';
import { type BitReader } from './bit-reader.js';
import type { ChannelStream, WindowInfo } from './channel-stream.js';

/** Temporal noise shaping (§4.6.9): prediction across the frequencies of one window. */
export interface TnsFilter {
  /** Range of the spectrum, [start, end). */
  readonly start: number;
  readonly end: number;
  readonly downward: boolean;
  /** a₁ … aₙ of 1 / (1 + Σ aₖ z⁻ᵏ). */
  readonly coefficients: Float64Array;
}

const SHORT_WINDOW_SAMPLES = 128;
const MAX_ORDER = { long: 12, short: 7 };

export function readTns(bits: BitReader, info: WindowInfo, rateIndex: number): TnsFilter[] {
  const short = info.groups.length > 1 || info.groups[0] !== 1;
  const windows = short ? 8 : 1;
  const reach = Math.min((short ? TNS_MAX_SHORT_BANDS : TNS_MAX_LONG_BANDS)[rateIndex] ?? 0, info.maxBand);
  const filters: TnsFilter[] = [];
  for (let window = 0; window < windows; window++) {
    const count = bits.read(short ? 1 : 2);
    if (count === 0) continue;
    const resolution = 3 + bits.read(1);
    let top = info.bands.length - 1;
    for (let i = 0; i < count; i++) {
      const bottom = Math.max(0, top - bits.read(short ? 4 : 6));
      const order = bits.read(short ? 3 : 5);
      if (order > (short ? MAX_ORDER.short : MAX_ORDER.long))
        throw new RangeError('AAC noise filter too long');
      if (order > 0) {
        const downward = bits.flag();
        const codedBits = resolution - bits.read(1);
        const reflections = Array.from({ length: order }, () => readReflection(bits, codedBits, resolution));
        filters.push({
          start: window * SHORT_WINDOW_SAMPLES + (info.bands[Math.min(bottom, reach)] ?? 0),
          end: window * SHORT_WINDOW_SAMPLES + (info.bands[Math.min(top, reach)] ?? 0),
          downward,
          coefficients: toPredictor(reflections),
        });
      }
      top = bottom;
    }
  }
  return filters;
}

/** Reads a reflection coefficient: a signed number, quantized on an arcsine. */
function readReflection(bits: BitReader, codedBits: number, resolution: number): number {
  const coded = bits.read(codedBits);
  const value = coded >= 1 << (codedBits - 1) ? coded - (1 << codedBits) : coded;
  const half = 1 << (resolution - 1);
  return Math.sin((value * Math.PI) / 2 / (value >= 0 ? half - 0.5 : half + 0.5));
}

/** Levinson's step-up recursion from reflection to predictor coefficients. */
function toPredictor(reflections: readonly number[]): Float64Array {
  const a = new Float64Array(reflections.length);
  for (const [m, reflection] of reflections.entries()) {
    const before = a.slice(0, m);
    for (let i = 0; i < m; i++) a[i] = (before[i] as number) + reflection * (before[m - 1 - i] as number);
    a[m] = reflection;
  }
  return a;
}

/** Undoes the encoder's prediction, in place. */
export function applyTns({ tns, spectrum }: ChannelStream): void {
  for (const { start, end, downward, coefficients } of tns) {
    const step = downward ? -1 : 1;
    const first = downward ? end - 1 : start;
    for (let n = 0; n < end - start; n++) {
      const at = first + n * step;
      let value = spectrum[at] as number;
      const reach = Math.min(n, coefficients.length);
      for (let k = 1; k <= reach; k++)
        value -= (coefficients[k - 1] as number) * (spectrum[at - k * step] as number);
      spectrum[at] = value;
    }
  }
}
