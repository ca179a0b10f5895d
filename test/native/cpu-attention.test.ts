/** Attention and argmax on the CPU, compared with MLX's plain ops in float64. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import {
  referenceAttention,
  errorRatio,
  expectInvalid,
  missingKernels,
  heads,
  layout,
  matrix,
  mergeHeads,
  runs,
  seed,
} from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);

/** [B, n, d] by head [B, H, n, d], in one of the layouts that models use. */
const operandLayout = fc.constantFrom('by head', 'by position', 'transposed', 'broadcast', 'every second');
function operand(rowLayout: string, shape: [number, number, number, number]): MxArray {
  const [b, h, n, d] = shape;
  switch (rowLayout) {
    case 'by position':
      return mx.transpose(mx.random.normal([b, n, h, d]), [0, 2, 1, 3]);
    case 'transposed':
      return mx.transpose(mx.random.normal([b, h, d, n]), [0, 1, 3, 2]);
    case 'broadcast':
      return mx.broadcastTo(mx.random.normal([1, h, 1, d]), shape);
    case 'every second':
      return mx.slice(mx.random.normal([b, h, 2 * n, d]), [0, 0, 0, 0], [b, h, 2 * n, d], [1, 1, 2, 1]);
    default:
      return mx.random.normal(shape);
  }
}

const batch = fc.integer({ min: 1, max: 3 });
const width = fc.constantFrom(16, 32, 48, 64, 80, 7, 36, 52);
/** Values are padded to whole panels. */
const padded = (d: number): number => Math.ceil(d / 16) * 16;
const length = fc.constantFrom(1, 2, 15, 16, 17, 31, 33, 47, 50, 100);

describeKernels('attention over complete keys and values', () => {
  test('agrees with the reference for every length, width, layout and head grouping', () => {
    const odd = fc.constantFrom(1, 3, 4, 15, 16, 17, 24, 64, 65);
    const group = fc.constantFrom([1, 1], [2, 1], [3, 3], [4, 2]);
    fc.assert(
      fc.property(
        seed,
        batch,
        group,
        length,
        length,
        odd,
        fc.boolean(),
        fc.tuple(operandLayout, operandLayout, operandLayout),
        (s, b, [h = 1, kv = 1], nq, nk, d, causal, [lq, lk, lv]) =>
          // prettier-ignore
          mx.tidy(() => {
            fc.pre(!causal || nq <= nk); // otherwise some queries attend to nothing
            mx.random.seed(s);
            const [q, k, v] = [operand(lq, [b, h, nq, d]), operand(lk, [b, kv, nk, d]), operand(lv, [b, kv, nk, d])];
            const scale = d ** -0.5;
            const result = mx.fast.scaledDotProductAttention(q, k, v, causal ? { scale, mask: 'causal' } : { scale });
            expect([result.dtype, result.shape]).toEqual(['float32', [b, h, nq, d]]);
            expect(errorRatio(result, referenceAttention(q, k, v, scale, causal), 1e-5)).toBeLessThanOrEqual(1);
            expect(errorRatio(mergeHeads(result), mergeHeads(referenceAttention(q, k, v, scale, causal)), 1e-5)).toBeLessThanOrEqual(1);
          }),
      ),
      runs(150),
    );
  });

  test('propagates a NaN to its own query only', () => {
    mx.tidy(() => {
      const q = mx.where(
        mx.equal(mx.reshape(mx.arange(60), [1, 1, 60, 1]), 50),
        NaN,
        mx.random.normal([1, 2, 60, 8]),
      );
      const k = mx.random.normal([1, 2, 21, 8]);
      const result = mx.isnan(mx.fast.scaledDotProductAttention(q, k, k, { scale: 1 }));
      const perQuery = mx.sum(mx.astype(result, 'int32'), [0, 1, 3]).tolist<number[]>();
      expect(perQuery).toEqual(Array.from({ length: 60 }, (_, i) => (i === 50 ? 16 : 0)));
    });
  });
});

describeKernels('cross-attention', () => {
  test('agrees with the reference on keys and values rounded to float16', () => {
    fc.assert(
      fc.property(
        seed,
        batch,
        fc.integer({ min: 1, max: 3 }),
        length,
        fc.integer({ min: 0, max: 9 }),
        width,
        layout,
        layout,
        (s, b, h, nk, nq, d, rowLayout, qLayout) =>
          // prettier-ignore
          mx.tidy(() => {
          mx.random.seed(s);
          const kv = mx.reshape(matrix(b * nk, 2 * h * d, rowLayout), [b, nk, 2 * h * d]);
          const q = mx.reshape(matrix(b * nq, h * d, qLayout), [b, nq, h * d]);
          const [keys, values] = mx.cpu.crossAttentionCache(kv, h);
          expect([keys.dtype, keys.shape]).toEqual(['float16', [b, h, Math.ceil(nk / 16), d, 16]]);
          expect([values.dtype, values.shape]).toEqual(['float16', [b, h, nk, padded(d)]]);
          const [k, v] = mx.split(mx.astype(kv, 'float16'), 2, -1).map((x) => heads(x, h)) as [MxArray, MxArray];
          const rest = padded(d) - d;
          const zeros = mx.pad(v, [[0, 0], [0, 0], [0, 0], [0, rest]]);
          expect(mx.arrayEqual(values, zeros).item()).toBe(true);
          const result = mx.cpu.crossAttend(q, keys, values);
          expect([result.dtype, result.shape]).toEqual(['float32', [b, nq, h * d]]);
          if (nq > 0) {
            const expected = mergeHeads(referenceAttention(heads(q, h), k, v, d ** -0.5, false));
            expect(errorRatio(result, expected, 1e-5)).toBeLessThanOrEqual(1);
          }
        }),
      ),
      runs(100),
    );
  });

  test('rounds to the nearest float16, halves to even, as MLX does, and keeps NaN', () => {
    mx.tidy(() => {
      const special = [0, -0, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65504, 65519.99, 65520, -1e30, Infinity, -Infinity, NaN, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 2.5 * 2 ** -24, 2 ** -14 - 2 ** -26]; // prettier-ignore
      const kv = mx.concatenate([mx.array(special, [1, 1, 16]), mx.random.normal([1, 1, 16])], 2);
      const turned = mx.concatenate([mx.array(special, [1, 1, 16]), mx.array(special, [1, 1, 16])], 2);
      const half = mx.astype(turned, 'float16');
      const [keys] = mx.cpu.crossAttentionCache(kv, 1);
      const [, values] = mx.cpu.crossAttentionCache(turned, 1);
      const numbers = (x: MxArray): string[] => [...x.toTypedArray('float32')].map((y) => (Object.is(y, -0) ? '-0' : String(y))); // prettier-ignore
      const expected = numbers(half).slice(0, 16);
      expect(numbers(values)).toEqual(expected);
      expect(numbers(keys).filter((_, i) => i % 16 === 0)).toEqual(expected); // the first key of its panel
      expect(numbers(keys).filter((_, i) => i % 16 !== 0).every((x) => x === '0')).toBe(true); // prettier-ignore
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no heads', () => mx.cpu.crossAttentionCache(mx.ones([1, 2, 64]), 0), /keys and values \[B, T, 2 H D\]/],
    [
      'a width that does not divide',
      () => mx.cpu.crossAttentionCache(mx.ones([1, 2, 96]), 5),
      /keys and values \[B, T, 2 H D\]/,
    ],
    ['no positions', () => mx.cpu.crossAttentionCache(mx.ones([1, 0, 64]), 1), /crossAttentionCache/],
    ['float16 input', () => mx.cpu.crossAttentionCache(mx.ones([1, 2, 64], 'float16'), 1), /float32/],
    [
      'queries of another width',
      () => mx.cpu.crossAttend(mx.ones([1, 1, 48]), ...mx.cpu.crossAttentionCache(mx.ones([1, 2, 64]), 1)),
      /widths/,
    ],
    [
      'queries of another batch',
      () => mx.cpu.crossAttend(mx.ones([3, 1, 32]), ...mx.cpu.crossAttentionCache(mx.ones([2, 2, 64]), 1)),
      /do not match/,
    ],
    [
      'keys of another length',
      () =>
        mx.cpu.crossAttend(
          mx.ones([1, 1, 32]),
          mx.cpu.crossAttentionCache(mx.ones([1, 17, 64]), 1)[0],
          mx.cpu.crossAttentionCache(mx.ones([1, 2, 64]), 1)[1],
        ),
      /do not match/,
    ],
    [
      'float32 keys',
      () => mx.cpu.crossAttend(mx.ones([1, 1, 32]), mx.ones([1, 1, 1, 32, 16]), mx.ones([1, 1, 2, 32])),
      /dtype/,
    ],
  ])('%s: a specific error', (_what, make, message) => {
    // prettier-ignore
    expectInvalid(make, message);
  });
});

describeKernels('attention over a cache', () => {
  const buffers = (b: number, h: number, capacity: number, d: number): [MxArray, MxArray] => {
    const result: [MxArray, MxArray] = [
      mx.zeros([b, h, capacity / 16, d, 16]),
      mx.zeros([b, h, capacity, padded(d)]),
    ];
    mx.eval(...result);
    return result;
  };

  test('agrees with causal attention over all positions after every step, across panel borders', () => {
    const steps = fc.array(fc.constantFrom(0, 1, 1, 1, 2, 3, 15, 16, 17), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(
        seed,
        batch,
        fc.integer({ min: 1, max: 3 }),
        width,
        steps,
        layout,
        (s, b, h, d, lengths, rowLayout) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const total = lengths.reduce<number>((sum, n) => sum + n, 0);
            const [keys, values] = buffers(b, h, Math.ceil((total + 1) / 16) * 16, d);
            const all: MxArray[] = [];
            let offset = 0;
            for (const n of lengths) {
              const qkv = mx.reshape(matrix(b * n, 3 * h * d, rowLayout), [b, n, 3 * h * d]);
              const result = mx.cpu.attendCached(qkv, keys, values, offset);
              mx.eval(result);
              expect([result.dtype, result.shape]).toEqual(['float32', [b, n, h * d]]);
              offset += n;
              all.push(qkv);
              if (n === 0) continue;
              const byHead = (x: MxArray): MxArray[] => mx.split(x, 3, -1).map((y) => heads(y, h));
              const [, k = qkv, v = qkv] = byHead(mx.concatenate(all, 1));
              const [q = qkv] = byHead(qkv);
              const expected = mergeHeads(referenceAttention(q, k, v, d ** -0.5, true));
              expect(errorRatio(result, expected, 1e-5)).toBeLessThanOrEqual(1);
            }
          }),
      ),
      runs(60),
    );
  });

  test('rotates queries and keys as `fast.rope` does', () => {
    fc.assert(
      fc.property(seed, batch, width, fc.integer({ min: 0, max: 2 }), (s, b, d, rest) =>
        mx.tidy(() => {
          mx.random.seed(s);
          const rotary = { dims: 2 * Math.max(1, Math.floor(d / 2) - rest), base: 500 };
          const [rotated, plain] = [buffers(b, 2, 32, d), buffers(b, 2, 32, d)];
          let offset = 0;
          for (const n of [3, 1, 18, 1]) {
            const qkv = mx.random.normal([b, n, 6 * d]);
            const options = { rotaryDims: rotary.dims, rotaryBase: rotary.base };
            const result = mx.cpu.attendCached(qkv, ...rotated, offset, options);
            const turned = nn.rotateQkv(qkv, 2, rotary, offset);
            const expected = mx.cpu.attendCached(turned, ...plain, offset);
            mx.eval(result, expected);
            expect(errorRatio(result, expected, 1e-5)).toBeLessThanOrEqual(1);
            offset += n;
          }
        }),
      ),
      runs(40),
    );
  });

  test('ignores everything after the position, even a NaN', () => {
    mx.tidy(() => {
      const [keys, values] = [mx.full([1, 1, 2, 16, 16], 1e6), mx.full([1, 1, 32, 16], NaN)];
      mx.eval(keys, values);
      for (const offset of [0, 1, 2]) {
        const result = mx.cpu.attendCached(mx.ones([1, 1, 48]), keys, values, offset);
        expect(errorRatio(result, mx.ones([1, 1, 16]), 1e-6)).toBeLessThanOrEqual(1);
      }
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'an offset beyond the buffers',
      () => mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), 16),
      /do not fit the cache/,
    ],
    [
      'more positions than fit',
      () => mx.cpu.attendCached(mx.ones([1, 3, 48]), ...buffers(1, 1, 16, 16), 14),
      /do not fit the cache/,
    ],
    [
      'an odd number of dims to rotate',
      () => mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), 0, { rotaryDims: 3 }),
      /no such dims to rotate/,
    ],
    [
      'more dims to rotate than a head has',
      () => mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), 0, { rotaryDims: 18 }),
      /no such dims to rotate/,
    ],
    [
      'a base of 0',
      () =>
        mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), 0, {
          rotaryDims: 2,
          rotaryBase: 0,
        }),
      /above 0/,
    ],
    [
      'a negative offset',
      () => mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), -1),
      /do not fit the cache/,
    ],
    [
      'the largest offset',
      () => mx.cpu.attendCached(mx.ones([1, 1, 48]), ...buffers(1, 1, 16, 16), 2 ** 31 - 1),
      /do not fit the cache/,
    ],
    [
      'a width that is not a multiple of three',
      () => mx.cpu.attendCached(mx.ones([1, 1, 47]), ...buffers(1, 1, 16, 16), 0),
      /3 H D/,
    ],
    [
      'heads of another width',
      () => mx.cpu.attendCached(mx.ones([1, 1, 96]), ...buffers(1, 1, 16, 16), 0),
      /widths/,
    ],
    [
      'another batch',
      () => mx.cpu.attendCached(mx.ones([2, 1, 48]), ...buffers(1, 1, 16, 16), 0),
      /do not match/,
    ],
    [
      'a reorder by a row that the cache lacks',
      () => mx.cpu.reorderCache(...buffers(2, 1, 16, 16), [0, 2], 3),
      /no such row/,
    ],
    ['a reorder to no rows', () => mx.cpu.reorderCache(...buffers(2, 1, 16, 16), [], 3), /no rows/],
    [
      'a reorder of more positions than there are',
      () => mx.cpu.reorderCache(...buffers(2, 1, 16, 16), [0], 17),
      /fewer positions/,
    ],
  ])('%s: a specific error', (_what, make, message) => {
    // prettier-ignore
    expectInvalid(make, message);
  });
});

describeKernels('logSoftmax', () => {
  test('equals the logits without their logsumexp, -∞ included', () => {
    mx.tidy(() => {
      const logits = mx.where(mx.less(mx.random.uniform(0, 1, [5, 5000]), 0.3), -Infinity, matrix(5, 5000));
      const expected = mx.subtract(logits, mx.logsumexp(mx.astype(logits, 'float64'), -1, true));
      const finite = (all: MxArray): MxArray => mx.where(mx.greater(logits, -Infinity), all, 0);
      const got = nn.logSoftmax(logits);
      expect(errorRatio(finite(got), finite(expected), 2e-5)).toBeLessThanOrEqual(1);
      expect(mx.equal(got, -Infinity).tolist()).toEqual(mx.equal(logits, -Infinity).tolist());
    });
  });
});

describeKernels('argmax', () => {
  const logits = fc.record({
    rows: fc.integer({ min: 1, max: 5 }),
    classes: fc.constantFrom(1, 2, 3, 15, 16, 17, 1023, 1024, 1025, 2049, 5000),
    rowLayout: layout,
    suppressed: fc.constantFrom(0, 0.5, 0.99),
    coarse: fc.boolean(),
  });

  test('gives the first of the largest and its log-probability', () => {
    fc.assert(
      fc.property(seed, logits, (s, { rows, classes, rowLayout, suppressed, coarse }) =>
        mx.tidy(() => {
          mx.random.seed(s);
          let x = mx.multiply(matrix(rows, classes, rowLayout), 5);
          if (coarse) x = mx.round(x); // many equal values
          const suppressedMask = mx.less(mx.random.uniform(0, 1, [rows, classes]), suppressed);
          x = mx.where(mx.logicalAnd(suppressedMask, mx.greater(mx.arange(classes), 0)), -Infinity, x);
          const [index, logprob] = mx.cpu.argmax(x);
          expect([index.dtype, logprob.dtype]).toEqual(['int32', 'float32']);
          const values = x.tolist<number[][]>();
          expect(index.tolist()).toEqual(values.map((row) => row.indexOf(row.reduce((a, b) => Math.max(a, b), -Infinity)))); // prettier-ignore
          const wide = mx.astype(x, 'float64');
          const expected = mx.subtract(mx.max(wide, -1), mx.logsumexp(wide, -1));
          expect(errorRatio(logprob, expected, 2e-5)).toBeLessThanOrEqual(1);
        }),
      ),
      runs(80),
    );
  });

  test('gives the first of equal values', () => {
    mx.tidy(() => {
      for (const classes of [1, 7, 16, 1025, 3000]) {
        const [index, logprob] = mx.cpu.argmax(mx.full([2, classes], -3.5));
        expect(index.tolist()).toEqual([0, 0]);
        expect(errorRatio(logprob, mx.full([2], -Math.log(classes)), 2e-6)).toBeLessThanOrEqual(1);
      }
    });
  });

  test('gives the only finite value a log-probability of 0, however small or large', () => {
    mx.tidy(() => {
      for (const value of [0, -1e30, 1e30])
        for (const at of [0, 5, 1024, 1999]) {
          const x = mx.where(mx.equal(mx.arange(2000), at), value, -Infinity);
          const [index, logprob] = mx.cpu.argmax(mx.reshape(x, [1, 2000]));
          expect([index.tolist(), logprob.tolist()]).toEqual([[at], [0]]);
        }
    });
  });

  test('gives a valid index and NaN for rows with a NaN or only -∞', () => {
    mx.tidy(() => {
      for (const classes of [1, 5, 16, 100, 1025, 2100])
        for (const at of new Set([0, classes >> 1, classes - 1])) {
          const bad = mx.where(mx.equal(mx.arange(classes), at), NaN, mx.random.normal([1, classes]));
          for (const x of [bad, mx.full([1, classes], NaN), mx.full([1, classes], -Infinity)]) {
            const [index, logprob] = mx.cpu.argmax(x);
            expect(logprob.tolist()).toEqual([NaN]);
            expect(Number(index.item())).toBeGreaterThanOrEqual(0);
            expect(Number(index.item())).toBeLessThan(classes);
          }
        }
    });
  });

  test('topK gives the largest in order, the first of equals first, and their log-probabilities', () => {
    fc.assert(
      fc.property(
        seed,
        logits,
        fc.integer({ min: 1, max: 9 }),
        (s, { rows, classes, rowLayout, suppressed, coarse }, wanted) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const k = Math.min(wanted, classes);
            let x = mx.multiply(matrix(rows, classes, rowLayout), 5);
            if (coarse) x = mx.round(x); // many equal values
            const suppressedMask = mx.less(mx.random.uniform(0, 1, [rows, classes]), suppressed);
            x = mx.where(mx.logicalAnd(suppressedMask, mx.greater(mx.arange(classes), 0)), -Infinity, x);
            const [index, logprobs, logNormalizer] = mx.cpu.topK(x, k);
            const values = x.tolist<number[][]>();
            const sums = mx.logsumexp(mx.astype(x, 'float64'), -1, true);
            expect(errorRatio(logNormalizer, sums, 2e-5)).toBeLessThanOrEqual(1);
            for (const [row, all] of values.entries()) {
              const order = all.map((_, i) => i).filter((i) => (all[i] ?? NaN) > -Infinity);
              order.sort((a, b) => (all[b] ?? 0) - (all[a] ?? 0) || a - b);
              const expected = order.slice(0, k);
              expect(index.tolist<number[][]>()[row]?.slice(0, expected.length)).toEqual(expected);
              const sum = logNormalizer.tolist<number[][]>()[row]?.[0] ?? NaN;
              const got = logprobs.tolist<number[][]>()[row] ?? [];
              expect(got.slice(0, expected.length)).toEqual(
                expected.map((i) => Math.fround((all[i] ?? NaN) - sum)),
              );
              expect(got.slice(expected.length).every((logprob) => !Number.isFinite(logprob))).toBe(true);
            }
          }),
      ),
      runs(80),
    );
  });

  test('topK gives valid indices for rows with a NaN or only -∞', () => {
    mx.tidy(() => {
      for (const classes of [1, 5, 16, 100, 1025, 2100])
        for (const at of new Set([0, classes >> 1, classes - 1])) {
          const bad = mx.where(mx.equal(mx.arange(classes), at), NaN, mx.random.normal([1, classes]));
          for (const x of [bad, mx.full([1, classes], NaN), mx.full([1, classes], -Infinity)]) {
            const [index, logprobs] = mx.cpu.topK(x, Math.min(classes, 7));
            expect(logprobs.tolist<number[][]>().flat().some(Number.isFinite)).toBe(false);
            for (const one of index.tolist<number[][]>().flat()) {
              expect(one).toBeGreaterThanOrEqual(0);
              expect(one).toBeLessThan(classes);
            }
          }
        }
    });
  });

  test.each<[string, () => unknown, RegExp]>([
    ['no candidates', () => mx.cpu.topK(mx.ones([1, 3]), 0), /k must be at least 1/],
    ['more candidates than classes', () => mx.cpu.topK(mx.ones([1, 3]), 4), /at most V/],
    ['a vector', () => mx.cpu.argmax(mx.ones([3])), /float32 \[R, V\].*logits float32\[3\]/],
    ['float16', () => mx.cpu.argmax(mx.ones([1, 3], 'float16')), /float32 \[R, V\]/],
    ['no classes', () => mx.cpu.argmax(mx.ones([1, 0])), /float32 \[R, V\]/],
  ])('%s: a specific error', (_what, make, message) => {
    expectInvalid(make, message);
  });
});
