/** Products with stored weights, compared with MLX's plain ops in float64. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import {
  errorRatio,
  expectInvalid,
  floats,
  missingKernels,
  toPanels,
  layout,
  matrix,
  runs,
  seed,
  referenceLinear,
} from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);
const columns = fc.constantFrom(1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 129);
const outputs = fc.constantFrom(1, 2, 15, 16, 17, 31, 33, 48, 64, 65, 100, 130);
const rows = fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9, 11, 12, 13, 25, 100);
const bits = fc.constantFrom(2, 3, 4, 5, 6, 8);
const groupSize = fc.constantFrom(32, 64, 128);

interface Fusion {
  bias: boolean;
  norm: 'none' | 'plain' | 'weight' | 'bias' | 'both';
  gelu: boolean;
  residual: 'none' | 'whole' | 'one row' | 'transposed' | 'one number';
}

const fusion: fc.Arbitrary<Fusion> = fc.record({
  bias: fc.boolean(),
  norm: fc.constantFrom('none', 'plain', 'weight', 'bias', 'both'),
  gelu: fc.boolean(),
  residual: fc.constantFrom('none', 'whole', 'one row', 'transposed', 'one number'),
});

function fusedInputsFor({ bias, norm, gelu, residual }: Fusion, rows: number, k: number, n: number) {
  const random = (...shape: number[]): MxArray => mx.random.normal(shape);
  const added = {
    none: () => null,
    whole: () => random(rows, n),
    'one row': () => random(n),
    transposed: () => mx.transpose(random(n, rows)),
    'one number': () => random(1, 1),
  }[residual]();
  return {
    bias: bias ? random(n) : null,
    // A row of one number has no variance, only rounding error, so it is not normed.
    eps: norm === 'none' || k < 2 ? undefined : 1e-3,
    normWeight: (norm === 'weight' || norm === 'both') && k > 1 ? random(k) : null,
    normBias: (norm === 'bias' || norm === 'both') && k > 1 ? random(k) : null,
    gelu,
    residual: added,
  };
}

/** Error ratio of the kernel's [rows, n]: at most 1 means agreement. */
function compare(x: MxArray, w: MxArray, panels: MxArray, extras: object, what: Fusion): number {
  const [count = 0, k = 0] = x.shape;
  const [n = 0] = w.shape;
  const fused = fusedInputsFor(what, count, k, n);
  const y = mx.cpu.linear(x, panels, n, { ...extras, ...fused });
  expect([y.dtype, y.shape]).toEqual(['float32', [count, n]]);
  const { value, allowed } = referenceLinear(x, w, fused);
  return errorRatio(y, value, allowed);
}

/** A quantized matrix [n, k]: its panels, those of scales and biases, and the matrix in float32. */
function quantized(n: number, k: number, groupSize: number, bits: number, dtype: 'float32' | 'float16') {
  const [packed, scales, biases] = mx.quantize(mx.astype(matrix(n, k), dtype), groupSize, bits);
  const [wideScales, wideBiases] = [mx.astype(scales, 'float32'), mx.astype(biases, 'float32')];
  return {
    whole: mx.dequantize(packed, wideScales, wideBiases, groupSize, bits),
    packed,
    panels: mx.cpu.panels(packed, bits),
    extras: { scales: mx.cpu.panels(wideScales), biases: mx.cpu.panels(wideBiases) },
  };
}

describeKernels('panels', () => {
  test('hold every weight of a matrix of any size, layout and dtype, and zeros in the padding rows', () => {
    fc.assert(
      fc.property(seed, outputs, columns, layout, floats, (s, n, k, rowLayout, dtype) =>
        mx.tidy(() => {
          mx.random.seed(s);
          const w = mx.astype(matrix(n, k, rowLayout), dtype);
          const panels = mx.cpu.panels(w);
          expect([panels.dtype, panels.shape]).toEqual([dtype, [Math.ceil(n / 16), k, 16]]);
          expect(mx.arrayEqual(panels, toPanels(w)).item()).toBe(true);
        }),
      ),
      runs(60),
    );
  });

  test('hold one byte per quantized weight, for every number of bits', () => {
    fc.assert(
      fc.property(seed, outputs, fc.integer({ min: 1, max: 3 }), bits, (s, n, groups, width) =>
        mx.tidy(() => {
          mx.random.seed(s);
          const k = 32 * groups;
          const packed = mx.quantize(matrix(n, k), 32, width)[0];
          const ones = mx.ones([n, groups]);
          const codes = mx.astype(mx.dequantize(packed, ones, mx.zeros([n, groups]), 32, width), 'uint8');
          expect(mx.arrayEqual(mx.cpu.panels(packed, width), toPanels(codes)).item()).toBe(true);
        }),
      ),
      runs(40),
    );
  });

  test('of stacked matrices are the panels of each', () => {
    mx.tidy(() => {
      const both = mx.random.normal([2, 3, 20, 5]);
      const panels = mx.cpu.panels(both);
      expect(panels.shape).toEqual([2, 3, 2, 5, 16]);
      for (const [i, j] of [
        [0, 0],
        [1, 2],
      ] as const)
        // prettier-ignore
        expect(mx.arrayEqual(mx.at(panels, i, j), toPanels(mx.at(both, i, j))).item()).toBe(true);
    });
  });
});

describeKernels('linear', () => {
  test('agrees with the reference for every size, layout, weight dtype and fused op', () => {
    fc.assert(
      fc.property(
        seed,
        rows,
        outputs,
        columns,
        layout,
        floats,
        fusion,
        (s, count, n, k, rowLayout, dtype, what) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const w = mx.astype(matrix(n, k), dtype);
            expect(compare(matrix(count, k, rowLayout), w, mx.cpu.panels(w), {}, what)).toBeLessThanOrEqual(
              1,
            );
          }),
      ),
      runs(250),
    );
  });

  test('agrees with the dequantized product for every quantization', () => {
    fc.assert(
      fc.property(
        seed,
        rows,
        outputs,
        fc.integer({ min: 1, max: 3 }),
        groupSize,
        bits,
        fc.constantFrom('float32', 'float16'),
        layout,
        fusion,
        (s, count, n, groups, group, width, dtype, rowLayout, what) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const { whole, panels, extras } = quantized(n, groups * group, group, width, dtype);
            const x = matrix(count, groups * group, rowLayout);
            expect(compare(x, whole, panels, extras, what)).toBeLessThanOrEqual(1);
          }),
      ),
      runs(250),
    );
  });

  test("agrees with MLX's own quantized product", () => {
    mx.tidy(() => {
      for (const width of [2, 3, 4, 5, 6, 8]) {
        const [packed, scales, biases] = mx.quantize(matrix(70, 128), 64, width);
        const x = matrix(3, 128);
        const own = mx.quantizedMatmul(x, packed, scales, biases, {
          transpose: true,
          groupSize: 64,
          bits: width,
        });
        const parts = { scales: mx.cpu.panels(scales), biases: mx.cpu.panels(biases) };
        const actual = mx.cpu.linear(x, mx.cpu.panels(packed, width), 70, parts);
        expect(errorRatio(actual, own, 1e-4)).toBeLessThan(1);
      }
    });
  });

  test('is complete if split over threads, by rows and by outputs', () => {
    for (const [count, n, k] of [
      [1, 5000, 96],
      [8, 3000, 64],
      [9, 1040, 64],
      [1500, 40, 32],
      [700, 500, 65],
    ] as const)
      // prettier-ignore
      for (const dtype of ['float32', 'float16'] as const)
        mx.tidy(() => {
          mx.random.seed(count + n);
          const w = mx.astype(matrix(n, k), dtype);
          const what: Fusion = { bias: true, norm: 'both', gelu: true, residual: 'whole' };
          expect(compare(matrix(count, k), w, mx.cpu.panels(w), {}, what)).toBeLessThanOrEqual(1);
        });
  });

  test('accepts inputs of any rank and axis order', () => {
    mx.tidy(() => {
      const w = matrix(20, 6);
      const panels = mx.cpu.panels(w);
      const x = mx.random.normal([4, 3, 6, 5]);
      for (const y of [
        mx.transpose(x, [0, 1, 3, 2]), // the last axis is strided
        mx.transpose(x, [3, 1, 0, 2]),
        mx.broadcastTo(mx.random.normal([5, 1, 6]), [4, 5, 3, 6]),
        mx.slice(mx.transpose(x, [0, 3, 1, 2]), [0, 0, 0, 0], [4, 5, 3, 6], [3, 2, 1, 1]),
        mx.random.normal([6]),
      ]) {
        const result = mx.cpu.linear(y, panels, 20);
        expect(result.shape).toEqual([...y.shape.slice(0, -1), 20]);
        const { value, allowed } = referenceLinear(mx.reshape(y, [-1, 6]), w);
        expect(errorRatio(mx.reshape(result, [-1, 20]), value, allowed)).toBeLessThanOrEqual(1);
      }
    });
  });

  test('propagates NaN and infinity to their own rows only', () => {
    mx.tidy(() => {
      const x = matrix(20, 40);
      const bad = mx.where(mx.equal(mx.reshape(mx.arange(20), [20, 1]), 7), NaN, x);
      for (const options of [{}, { eps: 1e-5 }, { gelu: true }]) {
        const result = mx.cpu.linear(bad, mx.cpu.panels(matrix(33, 40)), 33, options);
        const perRow = mx.sum(mx.astype(mx.isnan(result), 'int32'), -1).tolist<number[]>();
        expect(perRow).toEqual(Array.from({ length: 20 }, (_, row) => (row === 7 ? 33 : 0)));
      }
    });
  });

  test('is the bias for a matrix without columns', () => {
    mx.tidy(() => {
      const panels = mx.cpu.panels(mx.zeros([20, 0]));
      expect(panels.shape).toEqual([2, 0, 16]);
      const bias = mx.astype(mx.arange(20), 'float32');
      expect(mx.cpu.linear(mx.zeros([1, 0]), panels, 20, { bias }).tolist()).toEqual([bias.tolist()]);
      expect(mx.cpu.linear(mx.zeros([40, 0]), panels, 20, { bias }).shape).toEqual([40, 20]);
    });
  });
});

describeKernels('rows', () => {
  test('are those of the matrix in every storage dtype; ids out of range give zeros', () => {
    fc.assert(
      fc.property(
        seed,
        outputs,
        fc.array(fc.integer({ min: -3, max: 140 }), { maxLength: 9 }),
        fc.constantFrom('int32', 'uint32', 'int64', 'uint8'),
        fc.constantFrom('float32', 'float16', 'bfloat16', 'quantized'),
        (s, n, signedIds, dtype, kind) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const ids = dtype.startsWith('u') ? signedIds.map(Math.abs) : signedIds;
            const stored = kind === 'quantized' ? quantized(n, 64, 32, 6, 'float16') : undefined;
            const w = stored?.whole ?? mx.astype(matrix(n, 37), kind as 'float32');
            const panels = stored?.panels ?? mx.cpu.panels(w);
            const result = mx.cpu.rows(
              panels,
              n,
              mx.astype(mx.array(Int32Array.from(ids)), dtype),
              stored?.extras ?? {},
            );
            const [, k = 0] = w.shape;
            expect([result.dtype, result.shape]).toEqual(['float32', [ids.length, k]]);
            const whole = mx.astype(w, 'float32').tolist<number[][]>();
            const zeros = Array<number>(k).fill(0);
            const actual = result.tolist<number[][]>();
            for (const [i, id] of ids.entries()) {
              for (const [j, value] of (whole[id] ?? zeros).entries())
                expect(Math.abs((actual[i]?.[j] ?? NaN) - value)).toBeLessThan(1e-6);
            }
          }),
      ),
      runs(60),
    );
  });

  test('accept ids with any axis order', () => {
    mx.tidy(() => {
      const w = matrix(40, 3);
      const ids = mx.transpose(mx.reshape(mx.arange(6), [2, 3]));
      const result = mx.cpu.rows(mx.cpu.panels(w), 40, ids);
      expect(result.shape).toEqual([3, 2, 3]);
      expect(mx.arrayEqual(result, mx.take(w, ids, 0)).item()).toBe(true);
    });
  });
});

describeKernels('invalid arguments', () => {
  const panels = () => mx.cpu.panels(mx.ones([20, 64]));
  const codes = () => mx.cpu.panels(mx.zeros([20, 16], 'uint32'), 8);
  const x = () => mx.ones([2, 64]);
  const scales = (groups = 2) => mx.zeros([2, groups, 16]);

  test.each<[string, () => unknown, RegExp]>([
    [
      'panels of integers',
      () => mx.cpu.panels(mx.ones([4, 4], 'int32')),
      /panels: takes float32.*w int32\[4,4\]/,
    ],
    [
      'panels of float64',
      () => mx.cpu.panels(mx.ones([4, 4], 'float64')),
      /takes float32, float16 or bfloat16/,
    ],
    ['panels of a vector', () => mx.cpu.panels(mx.ones([4])), /takes matrices/],
    ['seven bits', () => mx.cpu.panels(mx.ones([4, 4], 'uint32'), 7), /2 to 6 or 8 bits/],
    ['one bit', () => mx.cpu.panels(mx.ones([4, 4], 'uint32'), 1), /2 to 6 or 8 bits/],
    ['a negative number of bits', () => mx.cpu.panels(mx.ones([4, 4], 'uint32'), -4), /2 to 6 or 8 bits/],
    ...([3, 5, 6] as const).map((bits): [string, () => unknown, RegExp] => [
      `rows of ${bits} bits that end within a number`,
      () => mx.cpu.panels(mx.ones([4, 4], 'uint32'), bits),
      /a multiple of 8 numbers/,
    ]),
    ['bits of a float', () => mx.cpu.panels(mx.ones([4, 4]), 4), /quantized weights are uint32/],
    [
      'an input of another width',
      () => mx.cpu.linear(mx.ones([2, 63]), panels(), 20),
      /x is float32 \[..., k\] \(x float32\[2,63\]/,
    ],
    ['a float16 input', () => mx.cpu.linear(mx.ones([2, 64], 'float16'), panels(), 20), /x is float32/],
    ['a scalar input', () => mx.cpu.linear(mx.array(1), panels(), 20), /x is float32/],
    ['more outputs than rows', () => mx.cpu.linear(x(), panels(), 33), /different number of outputs/],
    ['no outputs', () => mx.cpu.linear(x(), panels(), 0), /different number of outputs/],
    ['a negative number of outputs', () => mx.cpu.linear(x(), panels(), -5), /different number of outputs/],
    [
      'a matrix instead of panels',
      () => mx.cpu.linear(x(), mx.ones([20, 64]), 20),
      /panels are \[⌈n \/ 16⌉, k, 16\]/,
    ],
    [
      'panels without their scales',
      () => mx.cpu.linear(x(), codes(), 20),
      /only those, have scales and biases/,
    ],
    [
      'scales without biases',
      () => mx.cpu.linear(x(), codes(), 20, { scales: scales() }),
      /only those, have scales and biases/,
    ],
    [
      'scales of weights that have none',
      () => mx.cpu.linear(x(), panels(), 20, { scales: scales(), biases: scales() }),
      /only those, have scales and biases/,
    ],
    [
      'scales that do not divide the columns',
      () => mx.cpu.linear(x(), codes(), 20, { scales: scales(3), biases: scales(3) }),
      /one entry for a group/,
    ],
    [
      'a group of 8',
      () => mx.cpu.linear(x(), codes(), 20, { scales: scales(8), biases: scales(8) }),
      /one entry for a group/,
    ],
    [
      'a short bias',
      () => mx.cpu.linear(x(), panels(), 20, { bias: mx.ones([19]) }),
      /bias is float32 \[n\]/,
    ],
    [
      'a float16 bias',
      () => mx.cpu.linear(x(), panels(), 20, { bias: mx.ones([20], 'float16') }),
      /bias is float32/,
    ],
    [
      "a norm's weight without eps",
      () => mx.cpu.linear(x(), panels(), 20, { normWeight: mx.ones([64]) }),
      /a norm needs its eps/,
    ],
    [
      "a norm's weight of another size",
      () => mx.cpu.linear(x(), panels(), 20, { eps: 1e-5, normWeight: mx.ones([20]) }),
      /norm's weight and bias/,
    ],
    [
      'a residual that does not broadcast',
      () => mx.cpu.linear(x(), panels(), 20, { residual: mx.ones([3, 20]) }),
      /cannot be broadcast/,
    ],
    [
      'a float16 residual',
      () => mx.cpu.linear(x(), panels(), 20, { residual: mx.ones([2, 20], 'float16') }),
      /residual is float32/,
    ],
    ['ids that are floats', () => mx.cpu.rows(panels(), 20, mx.ones([2])), /ids are integers/],
    ['a misspelled option', () => mx.cpu.linear(x(), panels(), 20, { gelo: true } as object), /gelo/],
  ])('%s: a specific error', (_what, make, message) => {
    // prettier-ignore
    expectInvalid(make, message);
  });
});
