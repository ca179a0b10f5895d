/**
 * Generators and references of the CPU kernels' differential tests: arrays in every layout, and products in
 * float64.
 */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';
import type { Missing } from '#test/harness/skipping.js';

mx.setDefaultDevice('cpu');

/** Reason to skip. On Linux the kernels are required, and their tests fail without them. */
export const missingKernels: Missing =
  mx.cpu.available() || process.platform === 'linux'
    ? undefined
    : 'no CPU kernels: they are part of the Linux build';

/** Settings of a property; `SOTTO_FUZZ=20` runs twenty times as many cases. */
export const runs = (count: number): { numRuns: number } => ({
  numRuns: count * Number(process.env.SOTTO_FUZZ ?? 1),
});

export const seed = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** Memory layout of an input's rows. */
export const layout = fc.constantFrom(
  'contiguous',
  'transposed',
  'every second column',
  'every second row',
  'backwards',
  'one row for all',
  'inside a larger array',
);
type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never;

/** Normally distributed [rows, columns] float32. */
export function matrix(rows: number, columns: number, rowLayout: Layout = 'contiguous'): MxArray {
  const random = (shape: number[]): MxArray => mx.random.normal(shape);
  switch (rowLayout) {
    case 'transposed':
      return mx.transpose(random([columns, rows]));
    case 'every second column':
      return mx.slice(random([rows, 2 * columns]), [0, 0], [rows, 2 * columns], [1, 2]);
    case 'every second row':
      return mx.slice(random([2 * rows, columns]), [0, 0], [2 * rows, columns], [2, 1]);
    case 'backwards':
      return mx.take(random([rows, columns]), mx.array(Int32Array.from({ length: rows }, (_, i) => rows - 1 - i)), 0); // prettier-ignore
    case 'one row for all':
      return mx.broadcastTo(random([1, columns]), [rows, columns]);
    case 'inside a larger array':
      return mx.slice(random([rows + 2, columns + 3]), [1, 2], [rows + 1, columns + 2]);
    default:
      return random([rows, columns]);
  }
}

const double = (x: MxArray): MxArray => mx.astype(x, 'float64');

/** The maximum of |a - b| / allowed: at most 1 means agreement. NaN gives Infinity. */
export function errorRatio(a: MxArray, b: MxArray, allowed: MxArray | number): number {
  if (a.size === 0 && b.size === 0) return 0;
  const ratio = mx.divide(mx.abs(mx.subtract(double(a), double(b))), allowed);
  const worst = Number(mx.max(mx.astype(ratio, 'float32')).item());
  return Number.isNaN(worst) ? Infinity : worst;
}

export interface Expected {
  /** In float64. */
  value: MxArray;
  /** Allowed float32 rounding error; same shape. */
  allowed: MxArray;
}

interface FusedInputs {
  bias?: MxArray | null;
  normWeight?: MxArray | null;
  normBias?: MxArray | null;
  eps?: number | undefined;
  gelu?: boolean;
  residual?: MxArray | null | undefined;
}

/** gelu(norm(x) wᵀ + bias) + residual with plain ops in float64. x [..., k], w [n, k]. */
export function referenceLinear(x: MxArray, w: MxArray, fused: FusedInputs = {}): Expected {
  const { bias, normWeight, normBias, eps = 0, gelu, residual } = fused;
  let input = double(x);
  let magnitude = mx.abs(input); // of all added terms: centering similar numbers keeps their rounding error
  if (eps > 0) {
    const mean = mx.mean(input, -1, true);
    const centered = mx.subtract(input, mean);
    const deviation = mx.sqrt(mx.add(mx.mean(mx.square(centered), -1, true), eps));
    input = mx.divide(centered, deviation);
    magnitude = mx.divide(mx.add(magnitude, mx.abs(mean)), deviation);
    if (normWeight) {
      input = mx.multiply(input, double(normWeight));
      magnitude = mx.multiply(magnitude, mx.abs(double(normWeight)));
    }
    if (normBias) {
      input = mx.add(input, double(normBias));
      magnitude = mx.add(magnitude, mx.abs(double(normBias)));
    }
  }
  const weight = mx.transpose(double(w));
  // A quantized weight is a code times a scale plus a bias, each as large as the largest weight.
  const largest = w.size > 0 ? mx.max(mx.abs(weight)) : 0;
  let value = mx.matmul(input, weight);
  let size = mx.matmul(magnitude, mx.add(mx.abs(weight), largest));
  if (bias) {
    value = mx.add(value, double(bias));
    size = mx.add(size, mx.abs(double(bias)));
  }
  if (gelu) value = mx.multiply(mx.multiply(value, 0.5), mx.add(mx.erf(mx.multiply(value, Math.SQRT1_2)), 1)); // prettier-ignore
  if (residual) {
    value = mx.add(value, double(residual));
    size = mx.add(size, mx.abs(double(residual)));
  }
  return { value, allowed: mx.multiply(mx.add(size, 1), 2e-6) };
}

/** softmax(scale q kᵀ) v with plain ops in float64: q [B, H, Q, D], k and v [B, Hkv, K, D]. */
export function referenceAttention(
  q: MxArray,
  k: MxArray,
  v: MxArray,
  scale: number,
  causal: boolean,
): MxArray {
  const [nq, nk, group] = [q.shape[2] ?? 0, k.shape[2] ?? 0, (q.shape[1] ?? 1) / (k.shape[1] ?? 1)];
  const [keys, values] = [k, v].map((x) => mx.repeat(double(x), group, 1)) as [MxArray, MxArray];
  let scores = mx.multiply(mx.matmul(double(q), mx.transpose(keys, [0, 1, 3, 2])), scale);
  if (causal) {
    const rows = mx.reshape(mx.arange(nq), [nq, 1]);
    const seen = mx.lessEqual(mx.reshape(mx.arange(nk), [1, nk]), mx.add(rows, nk - nq));
    scores = mx.where(seen, scores, -Infinity);
  }
  return mx.matmul(mx.softmax(scores, -1), values);
}

/** [B, T, H × D] → [B, H, T, D] */
export function heads(x: MxArray, count: number): MxArray {
  const [batch = 0, length = 0, width = 0] = x.shape;
  return mx.transpose(mx.reshape(x, [batch, length, count, width / count]), [0, 2, 1, 3]);
}

/** [B, H, T, D] → [B, T, H × D] */
export function mergeHeads(x: MxArray): MxArray {
  const [batch = 0, count = 0, length = 0, width = 0] = x.shape;
  return mx.reshape(mx.transpose(x, [0, 2, 1, 3]), [batch, length, count * width]);
}

/** A matrix in panels of 16 rows, laid out as by `mx.cpu.panels`: [⌈n / 16⌉, k, 16] */
export function toPanels(w: MxArray): MxArray {
  const [n = 0, k = 0] = w.shape;
  const panels = Math.ceil(n / 16);
  const filled = mx.concatenate([w, mx.zeros([panels * 16 - n, k], w.dtype)], 0);
  return mx.transpose(mx.reshape(filled, [panels, 16, k]), [0, 2, 1]);
}

export const floats = fc.constantFrom('float32', 'float16', 'bfloat16');

/** Expects that creating the op rejects its arguments with a message. */
export function expectInvalid(make: () => unknown, message: RegExp): void {
  mx.tidy(() => {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toHaveProperty('code', 'INVALID_ARGUMENT');
    expect(String(thrown)).toMatch(message);
  });
}
