/** The fused decoder block compared with its separate layers. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import { errorRatio, expectInvalid, missingKernels, runs, seed } from './cpu-kernel-cases.js';

const describeKernels = describeUnless(missingKernels);

const numbers = (...shape: number[]): MxArray => mx.random.normal(shape);

interface Size {
  width: number;
  heads: number;
  hidden: number;
  bits: number | null;
  bias: boolean;
  affine: boolean;
}

function packed(k: number, n: number, { bits, bias }: Size): nn.PackedLinear {
  const weights = { weight: mx.multiply(numbers(n, k), k ** -0.5), ...(bias && { bias: numbers(n) }) };
  const layer = new nn.Linear(k, n, { bias }).loadWeights(weights);
  return new nn.PackedLinear(bits === null ? layer : nn.QuantizedLinear.from(layer, { bits, groupSize: 32 }));
}

function norm(k: number, affine: boolean): nn.LayerNorm {
  const layer = new nn.LayerNorm(k, { affine });
  return affine ? layer.loadWeights({ weight: numbers(k), bias: numbers(k) }) : layer;
}

function layersOf(size: Size): nn.DecoderLayers {
  const { width: d, hidden, heads, affine } = size;
  const product = (k: number, n: number): nn.PackedLinear => packed(k, n, size);
  return {
    products: [product(d, 3 * d), product(d, d), product(d, d), product(d, d), product(d, hidden), product(hidden, d)], // prettier-ignore
    norms: [norm(d, affine), norm(d, affine), norm(d, affine)],
    heads,
  };
}

/** The reference: one layer after another. */
type Step = (
  x: MxArray,
  cache: nn.SelfAttentionCache,
  crossAttentionCache: nn.CrossAttentionCache,
) => MxArray;

function oneByOne({ products, norms, heads }: nn.DecoderLayers): Step {
  const [qkv, out, crossQuery, crossOut, mlp1, mlp2] = products;
  return (x, cache, crossAttentionCache) => {
    x = out.fused(cache.attend(qkv.fused(x, { norm: norms[0] }), heads), { residual: x });
    const seen = nn.crossAttend(crossQuery.fused(x, { norm: norms[1] }), crossAttentionCache);
    x = crossOut.fused(seen, { residual: x });
    return mlp2.fused(mlp1.fused(x, { norm: norms[2], gelu: true }), { residual: x });
  };
}

const sizes: fc.Arbitrary<Size> = fc
  .record({
    headWidth: fc.constantFrom(16, 32, 64),
    heads: fc.constantFrom(1, 2, 3),
    hidden: fc.constantFrom(32, 96, 160),
    bits: fc.constantFrom(null, 2, 4, 6, 8),
    bias: fc.boolean(),
    affine: fc.boolean(),
  })
  .map(({ headWidth, heads, ...rest }) => {
    const even = rest.bits !== null && headWidth === 16 ? 2 * heads : heads; // groups of 32
    return { width: even * headWidth, heads: even, ...rest };
  });

describeKernels('a decoder block as one op', () => {
  test('matches its layers for all sizes, batches, steps and quantizations', () => {
    const steps = fc.array(fc.constantFrom(1, 1, 1, 4, 9), { minLength: 1, maxLength: 5 });
    const batches = fc.constantFrom(1, 2, 5);
    const lengths = fc.constantFrom(1, 17, 100);
    fc.assert(
      fc.property(seed, sizes, steps, batches, lengths, (s, size, added, batch, length) => {
        mx.random.seed(s);
        using actual = new nn.PanelCache(48);
        using reference = new nn.PanelCache(48);
        mx.tidy(() => {
          const layers = layersOf(size);
          const fused = nn.DecoderStep.of(layers);
          if (fused === undefined) throw new Error('was not fused');
          const crossAttentionCache = nn.crossAttentionCache(
            numbers(batch, length, 2 * size.width),
            size.heads,
          );
          for (const count of added) {
            const x = numbers(batch, count, size.width);
            const [result, expected] = [
              fused.forward(x, actual, crossAttentionCache),
              oneByOne(layers)(x, reference, crossAttentionCache),
            ];
            expect(errorRatio(result, expected, 2e-5)).toBeLessThanOrEqual(1);
            expect(actual.length).toBe(reference.length);
          }
          for (const layer of [fused, ...layers.products]) layer.dispose();
        });
      }),
      runs(40),
    );
  });

  test('accepts steps created before the first is evaluated', () => {
    using actual = new nn.PanelCache(16);
    using reference = new nn.PanelCache(16);
    mx.tidy(() => {
      const layers = layersOf({ width: 32, heads: 2, hidden: 64, bits: 8, bias: true, affine: true });
      const crossAttentionCache = nn.crossAttentionCache(numbers(1, 20, 64), 2);
      const first = numbers(1, 1, 32);
      const run = (step: Step, cache: nn.PanelCache): MxArray => {
        let x = first;
        for (let i = 0; i < 9; i++) x = step(x, cache, crossAttentionCache);
        return x;
      };
      const fused = nn.DecoderStep.of(layers);
      const step: Step = (...given) => fused?.forward(...given) ?? first;
      expect(errorRatio(run(step, actual), run(oneByOne(layers), reference), 1e-4)).toBeLessThanOrEqual(1);
    });
  });

  test('is undefined for layers that the kernels do not support', () => {
    mx.tidy(() => {
      const size = { width: 64, heads: 2, hidden: 64, bits: null, bias: true, affine: true };
      const layers = layersOf(size);
      const plain = new nn.Linear(64, 64).loadWeights({ weight: numbers(64, 64), bias: numbers(64) });
      const [qkv, , query, crossOut, mlp1, mlp2] = layers.products;
      expect(nn.DecoderStep.of({ ...layers, products: [qkv, plain, query, crossOut, mlp1, mlp2] })).toBeUndefined(); // prettier-ignore
      expect(nn.DecoderStep.of({ ...layers, heads: 8 })).toBeUndefined(); // heads of 8
    });
  });

  test('rejects inconsistent arrays', () => {
    const layers = layersOf({ width: 32, heads: 2, hidden: 64, bits: null, bias: true, affine: true });
    const weights = [
      ...layers.products.flatMap((layer) => {
        const { panels, scales, biases, bias } = layer as nn.PackedLinear;
        return [panels, scales, biases, bias];
      }),
      ...layers.norms.flatMap(({ weight, bias }) => [weight, bias]),
    ];
    const [keys, values] = [mx.zeros([1, 2, 1, 16, 16]), mx.zeros([1, 2, 16, 16])];
    const [crossKeys, crossValues] = nn.crossAttentionCache(numbers(1, 5, 64), 2);
    const whole = mx.cpu.decoderWeights(weights);
    const block = (x: MxArray, offset = 0, eps = 1e-5, of = whole): MxArray =>
      mx.cpu.decoderBlock(x, keys, values, crossKeys, crossValues, of, offset, eps);
    const x = numbers(1, 2, 32);
    expect(block(x).shape).toEqual([1, 2, 32]);
    expectInvalid(() => block(numbers(1, 2, 48)), /x is float32/);
    expectInvalid(() => block(mx.astype(x, 'float16')), /x is float32/);
    expectInvalid(() => block(numbers(2, 2, 32)), /keys|values|queries/);
    expectInvalid(() => block(x, 15), /do not fit the cache/);
    expectInvalid(() => block(x, -1), /do not fit the cache/);
    expectInvalid(() => block(x, 2 ** 31 - 1), /do not fit the cache/);
    expectInvalid(() => block(x, 0, 0), /eps must be above 0/);
    expectInvalid(() => block(x, 0, 1e-5, x), /must come from decoderWeights/);

    const without = (i: number, w: MxArray | null): MxArray => mx.cpu.decoderWeights(weights.with(i, w));
    expectInvalid(() => mx.cpu.decoderWeights(weights.slice(1)), /six products/);
    expectInvalid(() => without(0, null), /a product has no weights/);
    expectInvalid(() => without(3, numbers(32)), /a bias is float32/);
    expectInvalid(() => without(4, weights[0] ?? null), /weights|panels/);
    expectInvalid(() => without(24, numbers(64)), /a norm's weight and bias/);
    expect(() => whole.tolist()).toThrow(/has no value/);
  });
});
