/** Matrices packed together, compared with matrices packed alone and with reference panels. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type Dtype, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import { expectInvalid, missingKernels, seed } from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);
const PANEL = 16;
const WIDEN = 32;

/** [n, k] as panels [⌈n / 16⌉, k, 16], with MLX's own ops. */
function referencePanels(matrix: MxArray): MxArray {
  const [n = 0, k = 0] = matrix.shape;
  const rows = Math.ceil(n / PANEL) * PANEL;
  const padded = mx.pad(matrix, [[0, rows - n], [0, 0]]); // prettier-ignore
  return mx.contiguous(mx.transpose(mx.reshape(padded, [rows / PANEL, PANEL, k]), [0, 2, 1]));
}

interface Case {
  n: number;
  k: number;
  kind: 'float32' | 'float16' | 'bfloat16' | 'widened float16' | 'widened bfloat16' | 2 | 3 | 4 | 5 | 6 | 8;
  /** Rows after which a new part begins. */
  cuts: number[];
}
const kinds = fc.constantFrom<Case['kind']>(
  ...(['float32', 'float16', 'bfloat16', 'widened float16', 'widened bfloat16'] as const),
  ...([2, 3, 4, 5, 6, 8] as const),
);
const cases: fc.Arbitrary<Case> = fc.record({
  n: fc.constantFrom(1, 2, 15, 16, 17, 31, 32, 50, 130),
  k: fc.constantFrom(1, 3, 8, 15, 32, 33, 64, 100, 257, 600),
  kind: kinds,
  cuts: fc.array(fc.nat(130), { maxLength: 3 }),
});

/** The matrix to pack, its number of bits, and its expected panels. */
function buildCase({ n, k, kind, cuts }: Case): { matrix: MxArray; bits: number; expected: MxArray } {
  if (typeof kind === 'number') {
    const columns = Math.ceil(k / 32) * 32;
    const [packed, scales, biases] = mx.quantize(mx.random.normal([n, columns]), 32, kind);
    if (!packed || !scales || !biases) throw new Error('not quantized');
    const [ones, zeros] = [mx.onesLike(scales), mx.zerosLike(biases)];
    const codes = mx.dequantize(packed, ones, zeros, 32, kind).astype('uint8');
    return { matrix: concatenatedParts(packed, cuts), bits: kind, expected: referencePanels(codes) };
  }
  const [dtype = 'float32'] = kind.split(' ').reverse() as Dtype[];
  const matrix = mx.random.normal([n, k]).astype(dtype);
  const isWidened = kind.startsWith('widened');
  return {
    matrix: concatenatedParts(matrix, cuts),
    bits: isWidened ? WIDEN : 0,
    expected: referencePanels(isWidened ? matrix.astype('float32') : matrix),
  };
}

/** The same rows as a lazy concatenation of evaluated parts. */
function concatenatedParts(matrix: MxArray, cuts: readonly number[]): MxArray {
  const [n = 0, k = 0] = matrix.shape;
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < n), n])].sort((a, b) => a - b);
  const parts = ends.map((end, i) => mx.contiguous(mx.slice(matrix, [ends[i - 1] ?? 0, 0], [end, k])));
  mx.eval(parts);
  return parts.length > 1 ? mx.concatenate(parts, 0) : (parts[0] ?? matrix);
}

const same = (a: MxArray, b: MxArray): boolean =>
  a.dtype === b.dtype && a.shape.join() === b.shape.join() && Boolean(mx.arrayEqual(a, b).item());

describeKernels('matrices packed together', () => {
  test('give the panels of each, for every storage dtype and number of concatenated parts', () => {
    const live = mx.liveArrays();
    fc.assert(
      fc.property(seed, fc.array(cases, { minLength: 1, maxLength: 6 }), (start, all) => {
        mx.random.seed(start);
        mx.tidy(() => {
          const inputs = all.map(buildCase);
          const { panels, batches } = mx.cpu.pack(
            inputs.map(({ matrix }) => matrix),
            inputs.map(({ bits }) => bits),
          );
          expect(batches.length).toBe(all.length);
          for (const [i, { expected }] of inputs.entries()) {
            expect(panels[i] && same(panels[i], expected)).toBe(true);
          }
        });
      }),
      { numRuns: 120 },
    );
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('may include vectors, also concatenated ones and lazy zeros, which become float32', () => {
    fc.assert(
      fc.property(
        seed,
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom<Dtype>('float16', 'bfloat16', 'float32'),
        (start, lengths, dtype) => {
          mx.random.seed(start);
          mx.tidy(() => {
            const parts = lengths.map((length, i) =>
              i === 1 ? mx.zeros([length], dtype) : mx.random.normal([length]).astype(dtype),
            );
            mx.eval(parts.filter((_, i) => i !== 1));
            const vector = parts.length > 1 ? mx.concatenate(parts, 0) : (parts[0] ?? mx.zeros([1]));
            const matrix = mx.random.normal([17, 5]);
            const { panels } = mx.cpu.pack([vector, matrix, vector], [WIDEN, 0, WIDEN]);
            const expected = mx.concatenate(parts, 0).astype('float32');
            expect([panels[0], panels[2]].every((actual) => actual && same(actual, expected))).toBe(true);
            expect(panels[1] && same(panels[1], referencePanels(matrix))).toBe(true);
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  test('leave the concatenated parts unchanged', () => {
    mx.tidy(() => {
      const parts = [mx.random.normal([32, 64]), mx.random.normal([16, 64])];
      mx.eval(parts);
      const before = parts.map((part) => part.toTypedArray());
      const joined = mx.concatenate(parts, 0);
      const { panels } = mx.cpu.pack([joined], [0]);
      expect(panels[0] && same(panels[0], mx.cpu.panels(mx.contiguous(joined)))).toBe(true);
      expect(parts.map((part) => part.toTypedArray())).toEqual(before);
    });
  });

  test('may be concatenated along their columns', () => {
    mx.tidy(() => {
      const parts = [mx.random.normal([32, 16]), mx.random.normal([32, 16])];
      mx.eval(parts);
      const { panels } = mx.cpu.pack([mx.concatenate(parts, 1)], [0]);
      expect(panels[0] && same(panels[0], referencePanels(mx.concatenate(parts, 1)))).toBe(true);
    });
  });

  test('are packed in batches of 24 MB, in memory order', () => {
    mx.tidy(() => {
      const all = mx.random.normal([4096, 1024]); // 16 MB
      mx.eval(all);
      const pieces = Array.from({ length: 4 }, (_, i) =>
        mx.slice(all, [i * 1024, 0], [(i + 1) * 1024, 1024]),
      );
      mx.eval(pieces);
      const backwards = [...pieces, ...pieces].reverse();
      const { batches, panels } = mx.cpu.pack(backwards, [0, 0, 0, 0, 0, 0, 0, 0]);
      expect(batches).toEqual([1, 0, 0, 0, 1, 0, 0, 0]); // batches of 24 MB: three pieces, then the last
      for (const [i, piece] of backwards.entries()) {
        expect(panels[i] && same(panels[i], mx.cpu.panels(piece))).toBe(true);
      }
    });
  });

  test('may be empty', () => expect(mx.cpu.pack([], [])).toEqual({ panels: [], batches: [] }));

  test('are rejected for a wrong rank, dtype or number of bits', () => {
    const floats = mx.zeros([16, 32]);
    const words = mx.zeros([16, 4], 'uint32');
    expectInvalid(() => mx.cpu.pack([mx.zeros([16])], [0]), /takes matrices/);
    expectInvalid(() => mx.cpu.pack([floats], [4]), /quantized weights are uint32/);
    expectInvalid(() => mx.cpu.pack([words], [7]), /of 2 to 6 or 8 bits/);
    expectInvalid(() => mx.cpu.pack([words], [0]), /takes float32, float16 or bfloat16/);
    expectInvalid(() => mx.cpu.pack([words], [WIDEN]), /takes float32, float16 or bfloat16/);
    expectInvalid(() => mx.cpu.pack([floats], []), /bits and matrices must have the same length/);
    mx.dispose([floats, words]);
  });
});
