/** Packed layers and caches of the CPU kernels, compared with the layers they come from. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import {
  errorRatio,
  floats,
  missingKernels,
  heads,
  layout,
  matrix,
  mergeHeads,
  runs,
  seed,
} from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);

const numbers = (...shape: number[]): MxArray => mx.random.normal(shape);
const values = (x: MxArray): number[] => Array.from(x.toTypedArray('float32'));

function linear(
  k: number,
  n: number,
  bias: boolean,
  dtype: 'float32' | 'float16' | 'bfloat16' = 'float32',
): nn.Linear {
  const cast = (x: MxArray): MxArray => mx.astype(x, dtype);
  return new nn.Linear(k, n, { bias }).loadWeights({
    weight: cast(numbers(n, k)),
    ...(bias && { bias: cast(numbers(n)) }),
  });
}

function norm(k: number, weight = true): nn.LayerNorm {
  const layer = new nn.LayerNorm(k, weight ? {} : { affine: false });
  return weight ? layer.loadWeights({ weight: numbers(k), bias: numbers(k) }) : layer;
}

/** The layer's result in float32, whatever its stored dtype. */
function plainly(layer: nn.Linear | nn.QuantizedLinear, x: MxArray, fusion: nn.FusedOps): MxArray {
  const weight = layer instanceof nn.Linear ? mx.astype(layer.weight, 'float32') : wide(layer);
  const bias = layer.bias && mx.astype(layer.bias, 'float32');
  const [n = 0, k = 0] = weight.shape;
  const plain = new nn.Linear(k, n, { bias: bias !== null }).loadWeights(
    bias ? { weight, bias } : { weight },
  );
  return plain.fused(x, fusion);
}

/** Dequantizes a matrix without rounding to the dtype of its scales. */
function wide({
  weight,
  scales,
  biases,
  groupSize,
  bits,
  mode,
}: nn.QuantizedLinear | nn.QuantizedEmbedding): MxArray {
  const float = (x: MxArray): MxArray => mx.astype(x, 'float32');
  if (biases === null)
    return mx.astype(mx.dequantize(weight, scales, undefined, groupSize, bits, mode), 'float32');
  return mx.dequantize(weight, float(scales), float(biases), groupSize, bits);
}

/** Rounding error grows with the number of columns. */
const close = (k: number): number => 4e-6 * Math.sqrt(k) * 12;

class Model extends nn.Module {
  linear: nn.AnyLinear;
  embedding: nn.AnyEmbedding;
  conv: nn.Conv1d | nn.PackedConv1d;
  grouped = new nn.Conv1d(4, 4, 3, { groups: 2 });
  dilated = new nn.Conv1d(4, 4, 3, { dilation: 2 });
  norm = new nn.LayerNorm(64);

  constructor() {
    super();
    this.linear = linear(64, 40, true, 'float16');
    this.embedding = new nn.Embedding(30, 64).loadWeights({ weight: numbers(30, 64) });
    this.conv = new nn.Conv1d(5, 7, 3).loadWeights({ weight: numbers(7, 3, 5), bias: numbers(7) });
  }
}

describeKernels('pack', () => {
  test('replaces supported layers, returns their names and frees them', () => {
    const before = mx.liveArrays();
    const model = mx.tidy(() => new Model());
    expect(nn.canPack()).toBe(true);
    expect(nn.pack(model).sort()).toEqual(['conv', 'embedding', 'linear']);
    expect(model.linear).toBeInstanceOf(nn.PackedLinear);
    expect(model.embedding).toBeInstanceOf(nn.PackedEmbedding);
    expect(model.conv).toBeInstanceOf(nn.PackedConv1d);
    expect(model.grouped).toBeInstanceOf(nn.Conv1d);
    expect(nn.pack(model)).toEqual([]);
    model.toDtype('float16');
    mx.tidy(() => {
      const y = (model.linear as nn.PackedLinear).forward(numbers(2, 64));
      expect([y.dtype, y.shape]).toEqual(['float32', [2, 40]]);
    });
    model.dispose();
    expect(mx.liveArrays()).toBe(before);
  });
});

describeKernels('a packed linear layer', () => {
  const fusion = fc.record({ norm: fc.boolean(), gelu: fc.boolean(), residual: fc.boolean() });
  const fusedArgsFor = (
    what: { norm: boolean; gelu: boolean; residual: boolean },
    shape: number[],
    k: number,
  ): nn.FusedOps => ({
    norm: what.norm ? norm(k) : undefined,
    gelu: what.gelu,
    residual: what.residual ? numbers(...shape) : undefined,
  });

  test('matches its source layer for any size, dtype and quantization', () => {
    const quantization = fc.constantFrom(undefined, ...[2, 3, 4, 5, 6, 8].map((bits) => ({ bits, groupSize: 64 })), { bits: 4, groupSize: 32 }, { bits: 8, groupSize: 128 }); // prettier-ignore
    fc.assert(
      fc.property(
        seed,
        fc.constantFrom(1, 7, 16, 33),
        fc.constantFrom(1, 5, 8, 9, 30),
        fc.boolean(),
        floats,
        quantization,
        fusion,
        layout,
        (s, n, rows, bias, dtype, quantized, what, rowLayout) =>
          // prettier-ignore
          mx.tidy(() => {
            mx.random.seed(s);
            const k = quantized ? 128 : 50;
            const stored = linear(k, n, bias, dtype);
            const layer = quantized ? nn.QuantizedLinear.from(stored, quantized) : stored;
            const packed = new nn.PackedLinear(layer);
            const x = mx.reshape(matrix(2 * rows, k, rowLayout), [2, rows, k]);
            const fused = fusedArgsFor(what, [2, rows, n], k);
            const result = packed.fused(x, fused);
            expect(result.shape).toEqual([2, rows, n]);
            expect(errorRatio(result, plainly(layer, x, fused), close(k))).toBeLessThanOrEqual(1);
            packed.dispose();
          }),
      ),
      runs(80),
    );
  });

  test('dequantizes weights whose quantization is not affine', () => {
    mx.tidy(() => {
      mx.random.seed(1);
      const layer = nn.QuantizedLinear.from(linear(64, 20, true), { mode: 'mxfp4' });
      const packed = new nn.PackedLinear(layer);
      expect([packed.panels.dtype, packed.scales]).toEqual(['float32', null]);
      const x = numbers(3, 64);
      expect(errorRatio(packed.forward(x), plainly(layer, x, {}), close(64))).toBeLessThanOrEqual(1);
      packed.dispose();
    });
  });

  test('gives the outputs of all joined layers in order', () => {
    fc.assert(
      fc.property(
        seed,
        fc.array(fc.constantFrom(1, 15, 16, 20), { minLength: 1, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 4 }),
        fc.option(fc.constantFrom(2, 6, 8)),
        floats,
        (s, sizes, biases, bits, dtype) =>
          // prettier-ignore
          mx.tidy(() => {
            mx.random.seed(s);
            const parts = sizes.map((n, i) => {
              const layer = linear(64, n, biases[i] ?? false, dtype);
              return bits === null ? layer : nn.QuantizedLinear.from(layer, { bits, groupSize: 32 });
            });
            const x = numbers(2, 5, 64);
            const each = mx.concatenate(parts.map((part) => plainly(part, x, {})), -1); // prettier-ignore
            mx.eval(each);
            const joined = nn.join(parts);
            const packed = new nn.PackedLinear(joined as nn.Linear | nn.QuantizedLinear);
            expect(packed.outputs).toBe(sizes.reduce<number>((a, b) => a + b, 0));
            expect(errorRatio(packed.forward(x), each, close(64))).toBeLessThanOrEqual(1);
            joined.dispose();
            packed.dispose();
          }),
      ),
      runs(40),
    );
  });

  test('dequantizes joined layers with different quantizations', () => {
    mx.tidy(() => {
      const packed = (bits: number): nn.QuantizedLinear =>
        nn.QuantizedLinear.from(linear(64, 16, bits === 8), { bits });
      const parts = [linear(64, 16, false), packed(4), packed(8)];
      const x = numbers(2, 64);
      const each = mx.concatenate(parts.map((part) => plainly(part, x, {})), -1); // prettier-ignore
      mx.eval(each);
      const joined = nn.join(parts);
      expect(joined).toBeInstanceOf(nn.Linear);
      expect(errorRatio(joined.forward(x), each, close(64))).toBeLessThanOrEqual(1);
      joined.dispose();
    });
  });
});

describeKernels('a packed embedding', () => {
  test('matches the rows and logits of its source embedding', () => {
    fc.assert(
      fc.property(
        seed,
        fc.constantFrom(1, 15, 16, 33, 200),
        floats,
        fc.option(fc.constantFrom(2, 3, 4, 5, 6, 8)),
        (s, vocabulary, dtype, bits) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const stored = new nn.Embedding(vocabulary, 64).loadWeights({ weight: mx.astype(numbers(vocabulary, 64), dtype) }); // prettier-ignore
            const layer =
              bits === null ? stored : nn.QuantizedEmbedding.from(stored, { bits, groupSize: 64 });
            const whole = layer instanceof nn.Embedding ? mx.astype(layer.weight, 'float32') : wide(layer);
            const packed = new nn.PackedEmbedding(layer);
            const ids = mx.random.randint(0, vocabulary, [2, 6]);
            expect(errorRatio(packed.forward(ids), mx.take(whole, ids, 0), 1e-6)).toBeLessThanOrEqual(1);
            const x = numbers(2, 1, 64);
            const logits = mx.matmul(x, mx.transpose(whole));
            expect(errorRatio(packed.asLinear(x), logits, close(64))).toBeLessThanOrEqual(1);
            packed.dispose();
          }),
      ),
      runs(50),
    );
  });
});

describeKernels('a packed convolution', () => {
  test('matches its source layer for every kernel, stride, padding and length', () => {
    fc.assert(
      fc.property(
        seed,
        fc.constantFrom(1, 3, 16, 20),
        fc.constantFrom(1, 2, 5, 16),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 30 }),
        fc.boolean(),
        fc.boolean(),
        floats,
        (s, out, channels, kernel, stride, padding, more, bias, gelu, dtype) =>
          // prettier-ignore
          mx.tidy(() => {
            mx.random.seed(s);
            const length = Math.max(1, kernel - 2 * padding) + more;
            const cast = (x: MxArray): MxArray => mx.astype(x, dtype);
            const weights = { weight: cast(numbers(out, kernel, channels)), ...(bias && { bias: cast(numbers(out)) }) };
            const layer = new nn.Conv1d(channels, out, kernel, { stride, padding, bias }).loadWeights(weights);
            const packed = new nn.PackedConv1d(layer);
            layer.toDtype('float32');
            const x = mx.transpose(numbers(2, channels, length), [0, 2, 1]);
            const result = packed.fused(x, { gelu });
            const plain = layer.fused(x, { gelu });
            expect(result.shape).toEqual(plain.shape);
            expect(errorRatio(result, plain, close(kernel * channels))).toBeLessThanOrEqual(1);
            packed.dispose();
            layer.dispose();
          }),
      ),
      runs(80),
    );
  });
});

describeKernels('PanelCache', () => {
  type Step = { add: number } | { trim: number } | 'reset';
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ add: fc.constantFrom(1, 1, 1, 2, 7, 15, 16, 17) }) },
    { weight: 1, arbitrary: fc.record({ trim: fc.integer({ min: 0, max: 20 }) }) },
    { weight: 1, arbitrary: fc.constant<Step>('reset') },
  );

  test('matches JointCache over any sequence of append, trim and reset', () => {
    const batch = fc.integer({ min: 1, max: 3 });
    const steps = fc.array(step, { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(
        seed,
        batch,
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(16, 64, 36),
        fc.boolean(),
        steps,
        (s, b, h, d, isRotary, sequence) => {
          const rotary = isRotary ? { dims: 12, base: 1000 } : undefined;
          using panels = new nn.PanelCache(60);
          using plain = new nn.JointCache(panels.capacity);
          expect(panels.capacity).toBe(64);
          mx.random.seed(s);
          for (const what of sequence) {
            if (what === 'reset') for (const cache of [panels, plain]) cache.reset();
            else if ('trim' in what)
              for (const cache of [panels, plain]) cache.trim(Math.min(what.trim, cache.length));
            else if (panels.length + what.add <= panels.capacity) {
              const [actual, reference] = mx.tidy(() => {
                const qkv = numbers(b, what.add, 3 * h * d);
                return [panels.attend(qkv, h, rotary), plain.attend(qkv, h, rotary)];
              });
              mx.eval(actual, reference);
              expect(mx.tidy(() => errorRatio(actual, reference, 1e-5))).toBeLessThanOrEqual(1);
              mx.dispose(actual, reference);
            }
            expect(panels.length).toBe(plain.length);
          }
        },
      ),
      runs(50),
    );
  });

  test('accepts dependent steps created before the first is evaluated', () => {
    using panels = new nn.PanelCache(16);
    using plain = new nn.JointCache(16);
    const run = (cache: nn.SelfAttentionCache, first: MxArray): MxArray => {
      let x = first; // [1, 1, 32]
      for (let i = 0; i < 9; i++) x = cache.attend(mx.concatenate([x, mx.sin(x), mx.cos(x)], -1), 2);
      return x;
    };
    mx.tidy(() => {
      const first = numbers(1, 1, 32);
      expect(errorRatio(run(panels, first), run(plain, first), 1e-5)).toBeLessThanOrEqual(1);
    });
  });

  test.each(
    [nn.PanelCache, nn.JointCache].flatMap((Cache) =>
      [15, 16, 17, 31].map((filled) => [Cache, filled] as const),
    ),
  )('continues with the reordered rows, %p after %i positions', (Cache, filled) => {
    using forked = new Cache(32);
    using whole = new Cache(32);
    mx.tidy(() => {
      const [begin, next] = [numbers(2, filled, 96), numbers(3, 1, 96)];
      const order = [1, 0, 1];
      mx.eval(forked.attend(begin, 2));
      forked.reorder(order);
      expect([forked.batch, forked.length]).toEqual([3, filled]);
      mx.eval(whole.attend(mx.take(begin, mx.array(Int32Array.from(order)), 0), 2));
      expect(errorRatio(forked.attend(next, 2), whole.attend(next, 2), 1e-5)).toBeLessThanOrEqual(1);
      expect(() => {
        forked.reorder([0, 3]);
      }).toThrow(/no rows 0, 3/);
    });
  });

  test.each([nn.PanelCache, nn.JointCache])(
    'commits or reverts a reorder by rows on the device, %p',
    (Cache) => {
      const live = mx.liveArrays();
      const [speculative, reordered] = [new Cache(128), new Cache(128)];
      mx.tidy(() => {
        const [begin, wide, same] = [numbers(2, 64, 96), numbers(3, 1, 96), numbers(2, 1, 96)];
        mx.eval(...[speculative, reordered].map((cache) => cache.attend(begin, 2)));
        const rows = new nn.DeviceRows(mx.subtract(1, mx.array(Int32Array.of(0, 1, 0))), 2); // not evaluated yet
        const rejected = speculative.reorderSpeculatively(rows);
        expect([speculative.batch, speculative.length]).toEqual([3, 64]);
        mx.asyncEval(speculative.attend(wide, 2)); // makes the buffer of a JointCache grow
        rejected.revert();
        expect([speculative.batch, speculative.length]).toEqual([2, 64]);
        expect(values(speculative.attend(same, 2))).toEqual(values(reordered.attend(same, 2)));

        const pending = speculative.reorderSpeculatively(rows);
        const attended = speculative.attend(wide, 2);
        pending.commit();
        reordered.reorder([1, 0, 1]);
        expect(values(attended)).toEqual(values(reordered.attend(wide, 2)));
        expect([speculative.batch, speculative.length]).toEqual([3, 66]);
      });
      speculative.dispose();
      reordered.dispose();
      expect(mx.liveArrays()).toBe(live);
    },
  );

  test('several caches are reordered together or not at all', () => {
    using filled = new nn.JointCache(16);
    using empty = new nn.JointCache(16);
    mx.tidy(() => {
      mx.eval(filled.attend(numbers(2, 1, 96), 2));
      const rows = new nn.DeviceRows(mx.array(Int32Array.of(0, 1, 1)), 2);
      expect(() => nn.reorderSpeculatively([filled, empty], rows)).toThrow(/empty cache/);
      expect([filled.batch, filled.length]).toEqual([2, 1]);
    });
  });

  test('accepts another batch size after a reset and frees its buffers', () => {
    const live = mx.liveArrays();
    const cache = new nn.PanelCache(1);
    mx.tidy(() => mx.eval(cache.attend(numbers(1, 3, 96), 2)));
    expect([cache.capacity, mx.liveArrays() - live]).toEqual([16, 2]);
    cache.reset();
    mx.tidy(() => mx.eval(cache.attend(numbers(2, 3, 96), 2)));
    cache.dispose();
    expect([cache.length, mx.liveArrays() - live]).toEqual([0, 0]);
  });

  test('rejects invalid steps and stays unchanged', () => {
    using cache = new nn.PanelCache(16);
    expect(() => new nn.PanelCache(0)).toThrow(/capacity must be a positive integer/);
    expect(() => new nn.PanelCache(1.5)).toThrow(/capacity must be a positive integer/);
    mx.tidy(() => {
      const qkv = numbers(1, 10, 48);
      const result = cache.attend(qkv, 1);
      mx.eval(result);
      expect(() => cache.attend(numbers(1, 7, 48), 1)).toThrow(/10 \+ 7 positions exceed the capacity of 16/);
      expect(() => cache.attend(numbers(2, 1, 48), 1)).toThrow(RangeError);
      expect(() => {
        cache.trim(11);
      }).toThrow(/cannot trim 11 of 10/);
      expect(cache.length).toBe(10);
      cache.trim(10);
      expect(errorRatio(cache.attend(qkv, 1), result, 0.5e-6)).toBeLessThanOrEqual(1);
    });
  });
});

describeKernels('CrossAttentionCache', () => {
  test('matches plain attention on keys and values rounded to float16', () => {
    fc.assert(
      fc.property(
        seed,
        fc.constantFrom(1, 3),
        fc.constantFrom(1, 5, 16, 33, 1500),
        fc.constantFrom(1, 4),
        (s, b, t, nq) =>
          mx.tidy(() => {
            mx.random.seed(s);
            const kv = numbers(b, t, 2 * 64);
            const rounded = mx.astype(mx.astype(kv, 'float16'), 'float32');
            const [k, v] = mx.split(rounded, 2, -1).map((x) => heads(x, 2)) as [MxArray, MxArray];
            const q = numbers(b, nq, 64);
            const result = nn.crossAttend(q, nn.crossAttentionCache(kv, 2));
            expect(errorRatio(result, mergeHeads(nn.attend(heads(q, 2), k, v)), 1e-5)).toBeLessThanOrEqual(1);
          }),
      ),
      runs(20),
    );
  });

  test.each([32, 24])('of batch 1 serves all rows, with heads of %i', (headWidth) => {
    mx.tidy(() => {
      const kv = numbers(1, 20, 2 * 2 * headWidth);
      const crossAttentionCache = nn.crossAttentionCache(kv, 2);
      const q = numbers(5, 3, 2 * headWidth);
      const each = nn.crossAttentionCache(mx.broadcastTo(kv, [5, 20, 2 * 2 * headWidth]), 2);
      expect(
        errorRatio(nn.crossAttend(q, crossAttentionCache), nn.crossAttend(q, each), 1e-5),
      ).toBeLessThanOrEqual(1);
    });
  });

  test('attends with heads that are no multiple of a panel', () => {
    mx.tidy(() => {
      const kv = numbers(1, 5, 2 * 2 * 24);
      const queries = numbers(1, 1, 48);
      const [k, v] = mx.split(nn.splitHeads(kv, 4), 2, 1) as [MxArray, MxArray];
      const expected = nn.mergeHeads(nn.attend(nn.splitHeads(queries, 2), k, v));
      const result = nn.crossAttend(queries, nn.crossAttentionCache(kv, 2));
      expect(errorRatio(result, expected, 2e-3)).toBeLessThanOrEqual(1); // float16
    });
  });
});

describeKernels('argmax and sample', () => {
  test('match between the kernel and plain ops', () => {
    mx.tidy(() => {
      const logits = numbers(3, 500);
      const [token, logprob] = nn.argmax(logits);
      expect(token.tolist()).toEqual(mx.argmax(logits, -1).tolist());
      const best = mx.subtract(mx.max(logits, -1), mx.logsumexp(logits, -1));
      expect(errorRatio(logprob, best, 1e-5)).toBeLessThanOrEqual(1);
      const [sampled, score] = nn.sample(logits, 1e-4, 7); // at this temperature sampling is argmax
      expect(sampled.tolist()).toEqual(token.tolist());
      expect(errorRatio(score, logprob, 1e-5)).toBeLessThanOrEqual(1);
    });
  });
});
