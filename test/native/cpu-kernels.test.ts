/**
 * Sotto's CPU kernels compared with MLX's plain ops. Where the kernels are not built (macOS, which computes
 * on the GPU), the same tests check MLX's own ops.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';

mx.setDefaultDevice('cpu');

function largestDifference(a: MxArray, b: MxArray): number {
  return Number(mx.max(mx.abs(mx.subtract(a, b))).item());
}

function referenceAttention(q: MxArray, k: MxArray, v: MxArray, scale: number, causal: boolean): MxArray {
  const [nq, nk] = [q.shape[2] ?? 0, k.shape[2] ?? 0];
  let scores = mx.multiply(mx.matmul(q, mx.transpose(k, [0, 1, 3, 2])), scale);
  if (causal) {
    const rows = mx.reshape(mx.arange(nq), [nq, 1]);
    const seen = mx.lessEqual(mx.reshape(mx.arange(nk), [1, nk]), mx.add(rows, nk - nq));
    scores = mx.where(seen, scores, -1e30);
  }
  return mx.matmul(mx.softmax(scores, -1), v);
}

describe('attention on the CPU', () => {
  const heads = (n: number) => mx.transpose(mx.random.normal([2, n, 8, 64]), [0, 2, 1, 3]);

  test.each([
    [1500, 1500, false],
    [1, 1500, false],
    [1, 1, true],
    [3, 7, false],
    [20, 20, true],
    [5, 33, true],
    [300, 300, true],
    [257, 15, false],
  ])('%i queries on %i keys (causal: %p) agree with the reference', (nq, nk, causal) => {
    mx.random.seed(7);
    const [q, k, v] = [heads(nq), heads(nk), heads(nk)];
    const fused = mx.fast.scaledDotProductAttention(q, k, v, {
      scale: 0.125,
      ...(causal ? { mask: 'causal' } : {}),
    });
    expect(fused.shape).toEqual([2, 8, nq, 64]);
    expect(largestDifference(fused, referenceAttention(q, k, v, 0.125, causal))).toBeLessThan(3e-6);
    const joined = mx.reshape(mx.transpose(fused, [0, 2, 1, 3]), [2, nq, 512]);
    const reference = mx.reshape(mx.transpose(referenceAttention(q, k, v, 0.125, causal), [0, 2, 1, 3]), [
      2,
      nq,
      512,
    ]);
    expect(largestDifference(joined, reference)).toBeLessThan(3e-6);
  });

  test('accepts operands with a strided last axis and several query heads per key head', () => {
    const q = mx.transpose(mx.random.normal([1, 6, 32, 9]), [0, 1, 3, 2]);
    const k = mx.transpose(mx.random.normal([1, 2, 32, 11]), [0, 1, 3, 2]);
    const fused = mx.fast.scaledDotProductAttention(q, k, k, { scale: 0.2 });
    const spread = mx.repeat(k, 3, 1);
    expect(largestDifference(fused, referenceAttention(q, spread, spread, 0.2, false))).toBeLessThan(3e-6);
  });

  test('keeps the softmax of huge scores finite', () => {
    const q = mx.multiply(mx.ones([1, 1, 2, 4]), 1e4);
    const out = mx.fast.scaledDotProductAttention(q, q, mx.ones([1, 1, 2, 4]), { scale: 1 });
    expect([...out.toTypedArray()]).toEqual(Array(8).fill(1));
  });
});

describe('GELU on the CPU', () => {
  test.each([
    ['contiguous', () => mx.multiply(mx.random.normal([150, 2048]), 3)],
    ['transposed', () => mx.transpose(mx.random.normal([13, 7]))],
    ['sliced', () => mx.slice(mx.random.normal([13, 77]), [0, 3], [13, 20])],
    ['a scalar', () => mx.array(1.5)],
    ['empty', () => mx.zeros([0, 4])],
  ])('agrees with the reference (%s)', (_name, make) => {
    const x = make();
    const reference = mx.multiply(mx.multiply(x, 0.5), mx.add(mx.erf(mx.multiply(x, Math.SQRT1_2)), 1));
    const fused = mx.fast.gelu(x);
    expect(fused.shape).toEqual(x.shape);
    if (x.size > 0) expect(largestDifference(fused, reference)).toBeLessThan(2e-6);
  });

  test('is 0 far below 0 and the identity far above', () => {
    const values = mx.fast.gelu(mx.array([-1e30, -50, 0, 50, 1e30])).toTypedArray();
    expect([...values].map((value) => Math.abs(Number(value)))).toEqual([0, 0, 0, 50, Math.fround(1e30)]);
  });

  test('keeps float16 in float16', () => {
    expect(mx.fast.gelu(mx.astype(mx.ones([4]), 'float16')).dtype).toBe('float16');
  });
});

describe('ELU on the CPU', () => {
  const plainElu = (x: MxArray): MxArray => mx.add(mx.maximum(x, 0), mx.expm1(mx.minimum(x, 0)));

  test.each([
    ['contiguous', () => mx.multiply(mx.random.normal([150, 2048]), 3)],
    ['close to 0', () => mx.multiply(mx.random.normal([100]), 1e-6)],
    ['transposed', () => mx.transpose(mx.random.normal([13, 7]))],
    ['sliced', () => mx.slice(mx.random.normal([13, 77]), [0, 3], [13, 20])],
    ['empty', () => mx.zeros([0, 4])],
  ])('agrees with the reference (%s)', (_name, make) => {
    const x = make();
    expect(mx.cpu.elu(x).shape).toEqual(x.shape);
    if (x.size > 0) expect(largestDifference(mx.cpu.elu(x), plainElu(x))).toBeLessThan(2e-7);
  });

  test('is -1 far below 0, the identity above it, and NaN for NaN', () => {
    const values = mx.cpu.elu(mx.array([-1e30, -100, 0, 1e30, NaN])).toTypedArray();
    expect([...values].map(Number)).toEqual([-1, -1, 0, Math.fround(1e30), NaN]);
  });

  test('is part of a product', () => {
    const [x, w, bias, residual] = [[5, 24], [40, 24], [40], [5, 40]].map((shape) => mx.random.normal(shape));
    if (!x || !w || !bias || !residual) throw new Error('no arrays');
    const fused = mx.cpu.linear(x, mx.cpu.panels(w), 40, { bias, residual, elu: true });
    const reference = mx.add(plainElu(mx.addmm(bias, x, mx.transpose(w))), residual);
    expect(largestDifference(fused, reference)).toBeLessThan(1e-5);
    expect(() => mx.cpu.linear(x, mx.cpu.panels(w), 40, { elu: true, gelu: true })).toThrow('one activation');
  });

  test('refuses other types', () => {
    expect(() => mx.cpu.elu(mx.ones([4], 'float16'))).toThrow('float32');
  });
});

describe('matrix products through BLAS', () => {
  test('agree with sums of products for every layout and size, including one row and one column', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 1, max: 130 }),
        fc.integer({ min: 1, max: 70 }),
        fc.boolean(),
        fc.boolean(),
        (m, n, k, flipA, flipB) =>
          mx.tidy(() => {
            const a = flipA ? mx.transpose(mx.random.normal([k, m])) : mx.random.normal([m, k]);
            const b = flipB ? mx.transpose(mx.random.normal([n, k])) : mx.random.normal([k, n]);
            const summed = mx.sum(mx.multiply(mx.expandDims(a, 2), mx.expandDims(b, 0)), 1);
            return largestDifference(mx.matmul(a, b), summed) < 5e-5;
          }),
      ),
      { numRuns: 60 },
    );
  });

  test('are complete if split over threads', () => {
    const a = mx.ones([97, 512]);
    const b = mx.ones([512, 2000]);
    for (const [x, y] of [
      [a, b],
      [mx.transpose(b), mx.transpose(a)],
    ] as const) {
      const product = mx.matmul(x, y);
      expect([Number(mx.min(product).item()), Number(mx.max(product).item())]).toEqual([512, 512]);
    }
  });
});
