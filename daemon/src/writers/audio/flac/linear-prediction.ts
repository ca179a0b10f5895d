/**
 * Linear prediction of a block: coefficients by the autocorrelation method (Levinson and Durbin's recursion) under a
 * Welch window, as whole numbers that FLAC stores (RFC 9639 §9.2.6).
 */

/** More gain little on speech. */
const MAX_ORDER = 10;
/** Bits of a coefficient with its sign; with samples of 16 bits a prediction stays below 2^31. */
export const PRECISION_BITS = 12;
const MAX_SHIFT = 15;
/** The residual must be one of 32 bits, whatever the samples are. */
const MAX_RESIDUAL = 2 ** 26;

export interface LinearPrediction {
  /** The first is that of the sample before. */
  readonly coefficients: Int32Array;
  /** The sum of the products is divided by 2 to the power of it. */
  readonly shift: number;
  /** The first ones, as many as coefficients, are 0. */
  readonly residuals: Int32Array;
}

/** Undefined for blocks that are short or that no prediction suits. */
export function linearPrediction(samples: Int16Array): LinearPrediction | undefined {
  if (samples.length < 4 * MAX_ORDER) return undefined;
  const quantized = quantize(levinson(autocorrelation(samples)));
  if (quantized === undefined) return undefined;
  const { coefficients, shift } = quantized;
  const order = coefficients.length;
  const residuals = new Int32Array(samples.length);
  for (let i = order; i < samples.length; i++) {
    let sum = 0;
    for (let k = 0; k < order; k++) sum += (coefficients[k] as number) * (samples[i - 1 - k] as number);
    const residual = (samples[i] as number) - (sum >> shift);
    if (residual > MAX_RESIDUAL || residual < -MAX_RESIDUAL) return undefined;
    residuals[i] = residual;
  }
  return { coefficients, shift, residuals };
}

function autocorrelation(samples: Int16Array): Float64Array {
  const { length } = samples;
  const middle = (length - 1) / 2;
  const windowed = Float64Array.from(
    samples,
    (sample, i) => sample * (1 - ((i - middle) / (middle + 1)) ** 2),
  );
  return Float64Array.from({ length: MAX_ORDER + 1 }, (_, lag) => {
    let sum = 0;
    for (let i = lag; i < length; i++) sum += (windowed[i] as number) * (windowed[i - lag] as number);
    return sum;
  });
}

/** @returns the coefficients of the highest order that is still better than the one before */
function levinson(correlation: Float64Array): number[] {
  let error = correlation[0] ?? 0;
  let coefficients: number[] = [];
  for (let order = 1; order <= MAX_ORDER && error > 0; order++) {
    let sum = correlation[order] as number;
    for (const [k, one] of coefficients.entries()) sum -= one * (correlation[order - 1 - k] as number);
    const reflection = sum / error;
    if (!(Math.abs(reflection) < 1)) break;
    const previous = coefficients;
    coefficients = previous.map((one, k) => one - reflection * (previous[order - 2 - k] as number));
    coefficients.push(reflection);
    error *= 1 - reflection ** 2;
  }
  return coefficients;
}

/** Each coefficient takes over the rounding error of the one before. */
function quantize(exact: readonly number[]): { coefficients: Int32Array; shift: number } | undefined {
  const largest = Math.max(0, ...exact.map((one) => Math.abs(one)));
  if (largest === 0) return undefined;
  const limit = 2 ** (PRECISION_BITS - 1);
  const shift = Math.min(MAX_SHIFT, PRECISION_BITS - 2 - Math.floor(Math.log2(largest)));
  if (shift < 0) return undefined;
  let carried = 0;
  const coefficients = Int32Array.from(exact, (one) => {
    const scaled = one * 2 ** shift + carried;
    const rounded = Math.max(-limit, Math.min(limit - 1, Math.round(scaled)));
    carried = scaled - rounded;
    return rounded;
  });
  return { coefficients, shift };
}
