/** Relative attention and depthwise convolutions on the CPU, compared with MLX's own ops. */
import { expect, test } from '@jest/globals';

import { mx, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';

import { missingKernels } from './cpu-kernel-cases.js';

mx.setDefaultDevice('cpu');

const describeKernels = describeUnless(missingKernels);

function worst(found: MxArray, expected: MxArray): number {
  expect(found.shape).toEqual(expected.shape);
  return Number(mx.max(mx.abs(mx.subtract(found, expected))).item());
}

/** softmax(((q + u) kᵀ + (q + v) dᵀ) / √D) v, with the distance of each pair looked up. */
function plainAttention(qkv: MxArray, distances: MxArray, u: MxArray, v: MxArray, mask?: MxArray): MxArray {
  const [batch = 0, frames = 0] = qkv.shape;
  const [heads = 0, width = 0] = u.shape;
  const split = (x: MxArray): MxArray =>
    mx.transpose(mx.reshape(x, [x.shape[0] ?? 0, -1, heads, width]), [0, 2, 1, 3]);
  const [q, k, values] = mx.split(qkv, 3, 2).map(split) as [MxArray, MxArray, MxArray];
  const d = split(mx.expandDims(distances, 0)); // [1, H, 2 T - 1, D]
  const content = mx.matmul(mx.add(q, mx.expandDims(u, 1)), mx.swapaxes(k, 2, 3));
  const far = mx.matmul(mx.add(q, mx.expandDims(v, 1)), mx.swapaxes(d, 2, 3)); // [B, H, T, 2 T - 1]
  const index = Int32Array.from({ length: frames * frames }, (_, at) => {
    const [i, j] = [Math.floor(at / frames), at % frames];
    return frames - 1 - i + j;
  });
  const pairs = mx.broadcastTo(mx.array(index, [1, 1, frames, frames]), [batch, heads, frames, frames]);
  const scores = mx.multiply(mx.add(content, mx.takeAlongAxis(far, pairs, 3)), width ** -0.5);
  const masked = mask === undefined ? scores : mx.add(scores, mask);
  const attended = mx.matmul(mx.softmax(masked, -1), values);
  return mx.reshape(mx.transpose(attended, [0, 2, 1, 3]), [batch, frames, heads * width]);
}

describeKernels('relative attention', () => {
  test.each([
    [1, 1, 1, 8],
    [2, 2, 3, 8],
    [1, 15, 2, 16],
    [1, 16, 2, 24],
    [2, 17, 2, 16],
    [1, 48, 1, 64],
    [1, 49, 2, 10],
    [1, 131, 3, 32],
  ])('batch %d, %d frames, %d heads of %d numbers', (batch, frames, heads, width) => {
    mx.tidy(() => {
      mx.random.seed(frames);
      const dims = heads * width;
      const qkv = mx.random.normal([batch, frames, 3 * dims]);
      const distances = mx.random.normal([2 * frames - 1, dims]);
      const [u, v] = [mx.random.normal([heads, width]), mx.random.normal([heads, width])];
      const found = mx.cpu.relativeAttention(qkv, distances, u, v);
      expect(worst(found, plainAttention(qkv, distances, u, v))).toBeLessThan(1e-4);
    });
  });

  test.each([
    [1, 1, 0, 0],
    [2, 17, 3, 0],
    [1, 40, 0, 5],
    [1, 131, 20, 9],
    [2, 200, 64, 70],
    [1, 50, 49, 49],
  ])('batch %d, %d frames that see %d before and %d after', (batch, frames, back, ahead) => {
    mx.tidy(() => {
      mx.random.seed(frames);
      const [heads, width] = [2, 8];
      const qkv = mx.random.normal([batch, frames, 3 * heads * width]);
      const distances = mx.random.normal([back + ahead + 1, heads * width]);
      const [u, v] = [mx.random.normal([heads, width]), mx.random.normal([heads, width])];
      const found = mx.cpu.relativeAttention(qkv, distances, u, v, { back });
      const rest = [frames - 1 - back, frames - 1 - ahead] as const;
      const all = mx.pad(distances, [rest, [0, 0]]);
      const places = mx.subtract(mx.arange(frames), mx.reshape(mx.arange(frames), [-1, 1]));
      const isSeen = mx.logicalAnd(mx.greaterEqual(places, -back), mx.lessEqual(places, ahead));
      const mask = mx.where(isSeen, 0, -Infinity);
      expect(worst(found, plainAttention(qkv, all, u, v, mask))).toBeLessThan(1e-4);
    });
  });

  test('refuses other shapes and dtypes', () => {
    mx.tidy(() => {
      const [u, v] = [mx.zeros([2, 4]), mx.zeros([2, 4])];
      const qkv = mx.zeros([1, 3, 24]);
      expect(() => mx.cpu.relativeAttention(qkv, mx.zeros([4, 8]), u, v)).toThrow(/relativeAttention/);
      for (const back of [-1, 3, 5])
        expect(() => mx.cpu.relativeAttention(qkv, mx.zeros([5, 8]), u, v, { back })).toThrow(
          /relativeAttention/,
        );
      expect(() => mx.cpu.relativeAttention(mx.zeros([1, 3, 23]), mx.zeros([5, 8]), u, v)).toThrow(
        /relativeAttention/,
      );
      expect(() => mx.cpu.relativeAttention(qkv, mx.zeros([5, 8], 'float16'), u, v)).toThrow(
        /relativeAttention/,
      );
      expect(() => mx.cpu.relativeAttention(qkv, mx.zeros([5, 8]), u, mx.zeros([1, 8]))).toThrow(
        /relativeAttention/,
      );
    });
  });
});

describeKernels('depthwise convolutions', () => {
  test.each([
    [1, 1, 5, 16],
    [2, 7, 9, 40],
    [1, 130, 31, 24],
    [1, 64, 1, 3],
  ])('gated, batch %d, %d frames, kernel of %d, %d channels', (batch, frames, taps, channels) => {
    mx.tidy(() => {
      mx.random.seed(taps);
      const x = mx.random.normal([batch, frames, 2 * channels]);
      const weights = mx.random.normal([taps, channels]);
      const bias = mx.random.normal([channels]);
      const [a, gate] = mx.split(x, 2, 2) as [MxArray, MxArray];
      const kernel = mx.reshape(mx.contiguous(mx.transpose(weights)), [channels, taps, 1]);
      const padding = (taps - 1) / 2;
      const y = mx.add(mx.conv1d(mx.multiply(a, mx.sigmoid(gate)), kernel, 1, padding, 1, channels), bias);
      const found = mx.cpu.gatedDepthwise(x, weights, bias);
      expect(worst(found, mx.multiply(y, mx.sigmoid(y)))).toBeLessThan(1e-4);
    });
  });

  test.each([
    [1, 1, 1, 8, 8],
    [2, 5, 6, 17, 17],
    [1, 9, 8, 32, 32],
    [2, 7, 10, 1, 24],
  ])('strided, batch %d, %d × %d, %d channels to %d', (batch, height, width, inputs, channels) => {
    mx.tidy(() => {
      mx.random.seed(height);
      const x = mx.random.normal([batch, height, width, inputs]);
      const weights = mx.random.normal([9, channels]);
      const bias = mx.random.normal([channels]);
      const kernel = mx.reshape(mx.contiguous(mx.transpose(weights)), [channels, 3, 3, 1]);
      const y = mx.add(mx.conv2d(x, kernel, 2, 1, 1, inputs), bias);
      expect(worst(mx.cpu.stridedDepthwise(x, weights, bias), y)).toBeLessThan(1e-4);
      const relu = mx.cpu.stridedDepthwise(x, weights, bias, { relu: true });
      expect(worst(relu, mx.maximum(y, 0))).toBeLessThan(1e-4);
    });
  });

  test('refuse other shapes and dtypes', () => {
    mx.tidy(() => {
      const bias = mx.zeros([8]);
      expect(() => mx.cpu.gatedDepthwise(mx.zeros([1, 3, 16]), mx.zeros([4, 8]), bias)).toThrow(
        /gatedDepthwise/,
      );
      expect(() => mx.cpu.gatedDepthwise(mx.zeros([1, 3, 15]), mx.zeros([5, 8]), bias)).toThrow(
        /gatedDepthwise/,
      );
      expect(() => mx.cpu.stridedDepthwise(mx.zeros([1, 3, 3, 2]), mx.zeros([9, 8]), bias)).toThrow(
        /stridedDepthwise/,
      );
      expect(() => mx.cpu.stridedDepthwise(mx.zeros([1, 3, 3, 8]), mx.zeros([8, 8]), bias)).toThrow(
        /stridedDepthwise/,
      );
    });
  });
});
