/** Snakes and depthwise convolutions on the CPU, compared with MLX's own ops and with float64. */
import { expect, test } from '@jest/globals';

import { AntiAliased, LOW_PASS } from '#daemon/models/codecs/layers/anti-alias.js';
import { snake, SnakeBeta } from '#daemon/models/codecs/layers/snake.js';
import { mx, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';

import { missingKernels } from './cpu-kernel-cases.js';

mx.setDefaultDevice('cpu');

const describeKernels = describeUnless(missingKernels);

function worst(found: MxArray, expected: MxArray): number {
  expect(found.shape).toEqual(expected.shape);
  return Number(mx.max(mx.abs(mx.subtract(found, expected))).item());
}

const SHAPES = [
  [1, 1, 1],
  [2, 3, 5],
  [1, 7, 16],
  [1, 100, 24],
  [3, 33, 8],
  [1, 40, 96],
  [2, 30, 129],
  [1, 70, 200],
  [1, 3000, 24],
] as const;

const positive = (channels: number): MxArray => mx.add(mx.random.uniform(0, 2, [channels]), 0.1);

describeKernels('snake', () => {
  test.each(SHAPES)('batch %d, %d frames, %d channels', (batch, frames, channels) => {
    mx.tidy(() => {
      mx.random.seed(frames + channels);
      const x = mx.multiply(mx.random.normal([batch, frames, channels]), 4);
      const [alpha, beta] = [positive(channels), positive(channels)];
      expect(worst(mx.cpu.snake(x, alpha, beta), snake(x, alpha, beta))).toBeLessThan(2e-5);
    });
  });

  test('its sine is exact to float32 for small and large arguments', () => {
    const values = Float32Array.from({ length: 20_000 }, (_, i) => (i - 10_000) * (i % 7 === 0 ? 1 : 1e-3));
    const one = mx.ones([1]);
    const found = mx.cpu.snake(mx.array(values, [1, -1, 1]), one, one).toTypedArray('float32');
    for (const [i, x] of values.entries()) {
      const sine = Math.sin(x) ** 2;
      // The sum has the digits of x.
      expect(Math.abs((found[i] ?? NaN) - (x + sine))).toBeLessThan(4e-7 + 1.2e-7 * Math.abs(x));
    }
  });

  test('what is no number stays so, and a huge number stays itself', () => {
    const one = mx.ones([1]);
    const found = mx.cpu.snake(mx.array([NaN, Infinity, -Infinity, 1e30], [1, 4, 1]), one, one);
    expect([...found.toTypedArray('float32')]).toEqual([NaN, NaN, NaN, expect.closeTo(1e30, -24)]);
  });
});

describeKernels('an anti-aliased snake', () => {
  test.each(SHAPES)('batch %d, %d frames, %d channels', (batch, frames, channels) => {
    mx.tidy(() => {
      mx.random.seed(frames * channels);
      const x = mx.random.normal([batch, frames, channels]);
      const [alpha, beta] = [positive(channels), positive(channels)];
      const act = new SnakeBeta(channels, { hasBeta: true, isLog: false }).loadWeights({ alpha, beta });
      const expected = new AntiAliased(act).forward(x);
      const found = mx.cpu.antiAliasedSnake(x, act.alpha, act.beta ?? alpha, mx.array([...LOW_PASS]));
      expect(worst(found, expected)).toBeLessThan(2e-5);
    });
  });
});

describeKernels('a depthwise convolution', () => {
  test.each(
    SHAPES.flatMap(([batch, frames, channels]) =>
      [
        [7, 1],
        [7, 9],
        [3, 2],
        [1, 1],
      ].map(([kernel = 1, dilation = 1]) => [batch, frames, channels, kernel, dilation] as const),
    ),
  )(
    'batch %d, %d frames, %d channels, kernel %d, dilation %d',
    (batch, frames, channels, kernel, dilation) => {
      mx.tidy(() => {
        mx.random.seed(frames + kernel);
        const x = mx.random.normal([batch, frames, channels]);
        const [weights, bias] = [mx.random.normal([kernel, channels]), mx.random.normal([channels])];
        const reach = ((kernel - 1) / 2) * dilation;
        const padded = mx.pad(x, [[0, 0], [reach, reach], [0, 0]]); // prettier-ignore
        const rows = Array.from({ length: kernel }, (_, k) => {
          const row = mx.slice(padded, [0, k * dilation, 0], [batch, k * dilation + frames, channels]);
          return mx.multiply(row, mx.slice(weights, [k, 0], [k + 1, channels]));
        });
        const expected = mx.add(
          rows.reduce((sum, row) => mx.add(sum, row)),
          bias,
        );
        expect(worst(mx.cpu.dilatedDepthwise(x, weights, bias, { dilation }), expected)).toBeLessThan(2e-5);
      });
    },
  );
});

describeKernels('wrong arguments', () => {
  const [x, vector] = [mx.zeros([1, 4, 8]), mx.zeros([8])];
  test.each([
    ['snake', () => mx.cpu.snake(mx.zeros([4, 8]), vector, vector)],
    ['snake', () => mx.cpu.snake(x, mx.zeros([7]), vector)],
    ['snake', () => mx.cpu.snake(mx.astype(x, 'float16'), vector, vector)],
    ['snake', () => mx.cpu.snake(mx.zeros([1, 0, 8]), vector, vector)],
    ['antiAliasedSnake', () => mx.cpu.antiAliasedSnake(x, vector, vector, mx.zeros([11]))],
    ['antiAliasedSnake', () => mx.cpu.antiAliasedSnake(x, vector, mx.zeros([1]), mx.zeros([12]))],
    ['dilatedDepthwise', () => mx.cpu.dilatedDepthwise(x, mx.zeros([4, 8]), vector)],
    ['dilatedDepthwise', () => mx.cpu.dilatedDepthwise(x, mx.zeros([3, 7]), vector)],
    ['dilatedDepthwise', () => mx.cpu.dilatedDepthwise(x, mx.zeros([67, 8]), vector)],
    ['dilatedDepthwise', () => mx.cpu.dilatedDepthwise(x, mx.zeros([3, 8]), vector, { dilation: 0 })],
    ['dilatedDepthwise', () => mx.cpu.dilatedDepthwise(x, mx.zeros([3, 8]), vector, { dilation: 1025 })],
  ])('of %s', (name, call) => {
    expect(call).toThrow(name);
  });
});
