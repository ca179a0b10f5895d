/**
 * One channel of a FLAC frame (RFC 9639 §9.2): the cheapest of a constant, the differences of order 0 to 4, a linear
 * prediction, and the plain samples.
 */
import type { BitWriter } from './bit-writer.js';
import { linearPrediction, PRECISION_BITS, type LinearPrediction } from './linear-prediction.js';
import { partitionOf, writeResiduals, type Partition } from './rice.js';

const BITS = 16;
const MAX_DIFFERENCES = 4;

const CONSTANT = 0;
const VERBATIM = 1;
const FIXED = 8;
const LINEAR = 31;

/** Samples as they are, then what a predictor leaves of the others. */
interface Candidate {
  /** Number of the samples as they are. */
  readonly order: number;
  readonly residuals: Int32Array;
  readonly partition: Partition;
  /** At most so many bits. */
  readonly bits: number;
  /** Differences if omitted. */
  readonly linear?: LinearPrediction;
}

export function writeSubframe(out: BitWriter, samples: Int16Array): void {
  const [first = 0] = samples;
  if (samples.every((sample) => sample === first)) {
    writeHeader(out, CONSTANT);
    out.write(first, BITS);
    return;
  }
  const [fixed, linear] = [differences(samples), linearCandidate(samples)];
  const best = linear !== undefined && linear.bits < fixed.bits ? linear : fixed;
  if (best.bits >= samples.length * BITS) {
    writeHeader(out, VERBATIM);
    for (const sample of samples) out.write(sample, BITS);
    return;
  }
  const { order, residuals, partition } = best;
  writeHeader(out, (best.linear === undefined ? FIXED : LINEAR) + order);
  for (const sample of samples.subarray(0, order)) out.write(sample, BITS);
  if (best.linear !== undefined) writeCoefficients(out, best.linear);
  writeResiduals(out, residuals, order, partition);
}

function writeHeader(out: BitWriter, type: number): void {
  out.write(type << 1, 8);
}

function writeCoefficients(out: BitWriter, { coefficients, shift }: LinearPrediction): void {
  out.write(PRECISION_BITS - 1, 4);
  out.write(shift, 5);
  for (const coefficient of coefficients) out.write(coefficient, PRECISION_BITS);
}

/** The differences of the order whose absolute sum is least. */
function differences(samples: Int16Array): Candidate {
  let residuals = Int32Array.from(samples);
  let best = { order: 0, residuals, sum: absoluteSum(residuals) };
  for (let order = 1; order <= MAX_DIFFERENCES && order < samples.length; order++) {
    const previous = residuals;
    residuals = previous.map((value, i) => (i < order ? 0 : value - (previous[i - 1] as number)));
    const sum = absoluteSum(residuals);
    if (sum < best.sum) best = { order, residuals, sum };
  }
  const partition = partitionOf(best.residuals, best.order);
  return { ...best, partition, bits: best.order * BITS + partition.bits };
}

function linearCandidate(samples: Int16Array): Candidate | undefined {
  const linear = linearPrediction(samples);
  if (linear === undefined) return undefined;
  const { residuals } = linear;
  const order = linear.coefficients.length;
  const partition = partitionOf(residuals, order);
  return { order, residuals, partition, linear, bits: order * (BITS + PRECISION_BITS) + 9 + partition.bits };
}

/** Without the first residuals, which not every order has. */
function absoluteSum(residuals: Int32Array): number {
  let sum = 0;
  for (let i = MAX_DIFFERENCES; i < residuals.length; i++) sum += Math.abs(residuals[i] as number);
  return sum;
}
