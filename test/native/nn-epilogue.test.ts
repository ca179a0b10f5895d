import { expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import { applyEpilogue } from '#native/nn/epilogue.js';

mx.setDefaultDevice('cpu');

const numbers = (...shape: number[]): MxArray => mx.random.normal(shape);

const cases = [false, true].flatMap((bias) =>
  [false, true].flatMap((gelu) => [false, true].map((residual) => ({ bias, gelu, residual }))),
);

// On the CPU, MLX compiles each case once with g++; on a GPU the driver compiles it.
test.each(cases)('gives the same result compiled and uncompiled: %p', ({ bias, gelu, residual }) => {
  for (const dtype of ['float32', 'float16'] as const) {
    for (const rows of [1, 3, 17]) {
      mx.tidy(() => {
        const [y, b, r] = [numbers(2, rows, 40), numbers(40), numbers(2, rows, 40)].map((x) => x.astype(dtype)); // prettier-ignore
        if (!y || !b || !r) return;
        const terms = { bias: bias ? b : null, gelu, residual: residual ? r : undefined };
        const [compiled, uncompiled] = [applyEpilogue(y, terms, true), applyEpilogue(y, terms, false)];
        expect([compiled.dtype, compiled.shape]).toEqual([dtype, y.shape]);
        let expected = bias ? mx.add(y, b) : y;
        if (gelu) expected = mx.multiply(mx.multiply(expected, 0.5), mx.add(mx.erf(mx.multiply(expected, Math.SQRT1_2)), 1)); // prettier-ignore
        if (residual) expected = mx.add(expected, r);
        const allowed = dtype === 'float32' ? 2e-6 : 5e-3; // the kernel rounds once, plain ops in every step
        for (const result of [compiled, uncompiled]) {
          const worst = mx.max(mx.abs(mx.subtract(result.astype('float32'), expected.astype('float32'))));
          expect(Number(worst.item())).toBeLessThanOrEqual(allowed);
        }
      });
    }
  }
});

test('returns the product unchanged without terms', () => {
  mx.tidy(() => {
    const y = numbers(2, 2);
    expect(applyEpilogue(y, {}, true)).toBe(y);
  });
});
