/**
 * Matrix products compared with explicit sums. On Linux they use a BLAS that replaces MLX's, which must
 * receive every transpose, stride and shape correctly.
 */
import { describe, expect, test } from '@jest/globals';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import { skippedTest } from '#test/harness/skipping.js';
import { noFloat64 } from '#test/harness/test-device.js';

type Matrix = number[][];

/** Small integers, whose products are exact in every dtype used here. */
const matrix = (rows: number, columns: number, seed: number): Matrix =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => ((seed + 3 * i + 5 * j + i * j) % 7) - 3),
  );

const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    Array.from({ length: b[0]?.length ?? 0 }, (_, j) =>
      row.reduce((sum, x, k) => sum + x * (b[k]?.[j] ?? NaN), 0),
    ),
  );

const transposed = (a: Matrix): Matrix => (a[0] ?? []).map((_, j) => a.map((row) => row[j] ?? NaN));

/** The matrix as itself, as the transpose of its transpose, or as part of a larger one. */
const LAYOUTS = {
  plain: (a: Matrix, dtype: Dtype): MxArray => mx.array(a, null, dtype),
  transposed: (a: Matrix, dtype: Dtype): MxArray => mx.transpose(mx.array(transposed(a), null, dtype)),
  part: (a: Matrix, dtype: Dtype): MxArray => {
    const wide = a.map((row) => [99, ...row, 99, 99]);
    return mx.slice(mx.array(wide, null, dtype), [0, 1], [a.length, 1 + (a[0]?.length ?? 0)]);
  },
  partOfTransposed: (a: Matrix, dtype: Dtype): MxArray => {
    const wide = transposed(a).map((row) => [99, 99, ...row]);
    return mx.transpose(mx.slice(mx.array(wide, null, dtype), [0, 2], [a[0]?.length ?? 0, a.length + 2]));
  },
};
const layouts = Object.keys(LAYOUTS) as (keyof typeof LAYOUTS)[];

const DTYPES: readonly Dtype[] = [
  'float32',
  'float16',
  'bfloat16',
  ...(noFloat64 === undefined ? ['float64' as const] : []),
];
if (noFloat64 !== undefined) skippedTest('float64', noFloat64);

describe.each(DTYPES)('%s', (dtype) => {
  const shapes = [1, 2, 5].flatMap((m) => [1, 3, 6].flatMap((n) => [1, 4, 9].map((k) => [m, n, k] as const)));

  test('matmul is correct for every shape and layout', () => {
    for (const [m, n, k] of shapes) {
      const a = matrix(m, k, 1);
      const b = matrix(k, n, 2);
      const expected = multiply(a, b);
      for (const x of layouts) {
        for (const y of layouts) {
          const actual = mx.tidy(() => mx.matmul(LAYOUTS[x](a, dtype), LAYOUTS[y](b, dtype)).tolist());
          expect({ m, n, k, x, y, actual }).toEqual({ m, n, k, x, y, actual: expected });
        }
      }
    }
  });

  test('addmm is correct for every layout', () => {
    for (const [m, n, k] of shapes) {
      const a = matrix(m, k, 3);
      const b = matrix(k, n, 4);
      const c = matrix(m, n, 5);
      const expected = multiply(a, b).map((row, i) => row.map((v, j) => 2 * v + 0.5 * (c[i]?.[j] ?? NaN)));
      for (const z of layouts) {
        const actual = mx.tidy(() =>
          mx
            .addmm(LAYOUTS[z](c, dtype), LAYOUTS.plain(a, dtype), LAYOUTS.transposed(b, dtype), 2, 0.5)
            .tolist(),
        );
        expect({ m, n, k, z, actual }).toEqual({ m, n, k, z, actual: expected });
      }
    }
  });
});

test('a NaN in reused memory does not leak into a product', () => {
  mx.tidy(() => mx.eval(mx.full([64, 64], NaN)));
  for (const [m, n] of [
    [1, 64],
    [64, 1],
    [64, 64],
  ] as const) {
    const sum = mx.tidy(() => mx.sum(mx.matmul(mx.ones([m, 8]), mx.ones([8, n]))).item());
    expect(sum).toBe(m * n * 8);
  }
});

test('batches of products, with broadcasting', () => {
  const a = [matrix(2, 3, 1), matrix(2, 3, 2)];
  const b = matrix(3, 4, 3);
  const actual = mx.tidy(() => mx.matmul(mx.array(a), mx.array(b)).tolist());
  expect(actual).toEqual(a.map((x) => multiply(x, b)));
});

test('an inner size of zero gives zeros', () => {
  expect(mx.tidy(() => mx.matmul(mx.zeros([2, 0]), mx.zeros([0, 3])).tolist())).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

test('large products are correct in every element', () => {
  const n = 257;
  const a = matrix(n, n + 3, 1);
  const b = matrix(n + 3, n - 6, 2);
  expect(mx.tidy(() => mx.matmul(mx.array(a), mx.array(b)).tolist())).toEqual(multiply(a, b));
});

test('a quantized product equals the product with dequantized weights', () => {
  for (const bits of [2, 3, 4, 5, 6, 8]) {
    for (const groupSize of [32, 64, 128]) {
      mx.tidy(() => {
        const key = mx.random.key(bits);
        const w = mx.random.normal([16, 128], { key });
        const x = mx.random.normal([3, 128], { key });
        const [q, scales, biases] = mx.quantize(w, { bits, groupSize });
        const direct = mx.quantizedMatmul(x, q, scales, biases, { bits, groupSize });
        const expanded = mx.matmul(x, mx.transpose(mx.dequantize(q, scales, biases, { bits, groupSize })));
        expect(mx.allclose(direct, expanded, 1e-4, 1e-4).item()).toBe(true);
        expect(mx.quantizedMatmul(x, q, scales, biases, true, groupSize, bits).shape).toEqual([3, 16]);
      });
    }
  }
});
