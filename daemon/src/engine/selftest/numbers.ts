/** Compares each op of a Whisper block on the default device with the same op in float64 on the CPU. */
import { mx, type Dtype, type MxArray } from '#native/index.js';
import type { OpError } from '#daemon/protocol/selftest-process.js';

/** Largest errors that rounding explains, relative to the largest number of a result. */
const LIMITS: Partial<Record<Dtype, number>> = { float16: 1e-2, float32: 1e-4 };
const BITS = [2, 3, 4, 5, 6, 8] as const;
const [ROWS, INNER, COLUMNS, HEADS, WIDTH] = [48, 512, 384, 8, 64] as const;

interface Op {
  readonly name: string;
  readonly inputs: readonly MxArray[];
  /** The op as the models call it. */
  readonly run: (...inputs: MxArray[]) => MxArray;
  /** The same from simple ops, in the dtype of its inputs. */
  readonly reference: (...inputs: MxArray[]) => MxArray;
}

export function compareOps(): OpError[] {
  const dtype: Dtype = mx.defaultDevice() === 'gpu' ? 'float16' : 'float32';
  const limit = LIMITS[dtype] ?? 0;
  return opsIn(dtype).map((op) => ({ op: op.name, error: errorOf(op), limit }));
}

function opsIn(dtype: Dtype): Op[] {
  const normal = (shape: number[], scale: number, key: number): MxArray =>
    mx.astype(mx.random.normal(shape, { scale, key: mx.random.key(key) }), dtype);
  const x = normal([ROWS, INNER], 1, 1);
  const w = normal([COLUMNS, INNER], INNER ** -0.5, 2);
  const q = normal([1, HEADS, ROWS, WIDTH], 1, 3);
  const k = normal([1, HEADS, ROWS, WIDTH], 1, 4);
  const one = normal([1, INNER], 1, 5);
  const kernel = normal([COLUMNS, 3, 80], 0.06, 6);
  const signal = normal([1, 100, 80], 1, 7);
  const gain = normal([INNER], 1, 8);
  const product = (a: MxArray, b: MxArray): MxArray => mx.matmul(a, mx.transpose(b));
  return [
    { name: 'matmul, many rows', inputs: [x, w], run: product, reference: product },
    { name: 'matmul, one row', inputs: [one, w], run: product, reference: product },
    ...BITS.map((bits): Op => {
      const [packed, scales, biases] = mx.quantize(w, { bits, groupSize: 64 });
      const plain = mx.dequantize(packed, scales, biases, { bits, groupSize: 64 });
      return {
        name: `quantized matmul, ${bits} bits`,
        inputs: [x, plain],
        run: (a) => mx.quantizedMatmul(a, packed, scales, biases, { bits, groupSize: 64, transpose: true }),
        reference: product,
      };
    }),
    {
      name: 'softmax',
      inputs: [x],
      run: (a) => mx.softmax(a, -1, { precise: true }),
      reference: softmax,
    },
    {
      name: 'layer norm',
      inputs: [x, gain],
      run: (a, g) => mx.fast.layerNorm(a, g, g, 1e-5),
      reference: (a, g) => {
        const centred = mx.subtract(a, mx.mean(a, -1, true));
        const variance = mx.mean(mx.square(centred), -1, true);
        return mx.add(mx.multiply(mx.multiply(centred, mx.rsqrt(mx.add(variance, 1e-5))), g), g);
      },
    },
    {
      name: 'gelu',
      inputs: [x],
      run: (a) => mx.multiply(mx.multiply(a, 0.5), mx.add(mx.erf(mx.multiply(a, Math.SQRT1_2)), 1)),
      reference: (a) => mx.multiply(mx.multiply(a, 0.5), mx.add(mx.erf(mx.multiply(a, Math.SQRT1_2)), 1)),
    },
    {
      name: 'attention, many queries',
      inputs: [q, k],
      run: (a, b) => mx.fast.scaledDotProductAttention(a, b, b, { scale: WIDTH ** -0.5 }),
      reference: (a, b) =>
        mx.matmul(softmax(mx.multiply(mx.matmul(a, mx.transpose(b, [0, 1, 3, 2])), WIDTH ** -0.5)), b),
    },
    {
      name: 'attention, one query',
      inputs: [mx.slice(q, [0, 0, 0, 0], [1, HEADS, 1, WIDTH]), k],
      run: (a, b) => mx.fast.scaledDotProductAttention(a, b, b, { scale: WIDTH ** -0.5 }),
      reference: (a, b) =>
        mx.matmul(softmax(mx.multiply(mx.matmul(a, mx.transpose(b, [0, 1, 3, 2])), WIDTH ** -0.5)), b),
    },
    {
      name: 'convolution',
      inputs: [signal, kernel],
      run: (a, b) => mx.conv1d(a, b),
      // The sum of three products: position t of the result reads t, t + 1 and t + 2.
      reference: (a, b) =>
        [0, 1, 2]
          .map((at) => {
            const part = mx.slice(a, [0, at, 0], [1, at + 98, 80]);
            const tap = mx.reshape(mx.slice(b, [0, at, 0], [COLUMNS, at + 1, 80]), [COLUMNS, 80]);
            return product(part, tap);
          })
          .reduce((sum, part) => mx.add(sum, part)),
    },
  ];
}

function softmax(a: MxArray): MxArray {
  const e = mx.exp(mx.subtract(a, mx.max(a, -1, true)));
  return mx.divide(e, mx.sum(e, -1, true));
}

/** @returns NaN if the result contains one */
function errorOf({ inputs, run, reference }: Op): number {
  mx.eval(...inputs);
  const found = mx.tidy(() => mx.astype(run(...inputs), 'float32'));
  mx.eval(found);
  const right = mx.withStream('cpu', () => {
    const exact = mx.tidy(() =>
      mx.astype(reference(...inputs.map((input) => mx.astype(input, 'float64'))), 'float32'),
    );
    mx.eval(exact);
    return exact;
  });
  const [a, b] = [found, right].map((array) => array.toTypedArray() as Float32Array);
  mx.dispose(found, right);
  let [largest, scale] = [0, 0];
  for (let i = 0; i < (b?.length ?? 0); i++) {
    const difference = Math.abs((a?.[i] ?? NaN) - (b?.[i] ?? 0));
    if (Number.isNaN(difference)) return NaN;
    largest = Math.max(largest, difference);
    scale = Math.max(scale, Math.abs(b?.[i] ?? 0));
  }
  return scale === 0 ? NaN : largest / scale;
}
