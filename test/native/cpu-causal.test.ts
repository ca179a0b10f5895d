/** Attention and convolutions over audio in chunks on the CPU, compared with MLX's own ops, and in parts with the whole. */
import { expect, test } from '@jest/globals';

import { mx, type MxArray } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';

import { missingKernels } from './cpu-kernel-cases.js';

mx.setDefaultDevice('cpu');

const describeKernels = describeUnless(missingKernels);

function worst(found: MxArray, expected: MxArray): number {
  expect(found.shape).toEqual(expected.shape);
  if (found.size === 0) return 0;
  return Number(mx.max(mx.abs(mx.subtract(found, expected))).item());
}

interface Attention {
  /** [1, N, 3 H D] of all frames. */
  readonly qkv: MxArray;
  readonly distances: MxArray;
  readonly u: MxArray;
  readonly v: MxArray;
}

function randomAttention(
  frames: number,
  chunk: number,
  kept: number,
  heads: number,
  width: number,
): Attention {
  mx.random.seed(frames);
  const dims = heads * width;
  return {
    qkv: mx.random.normal([1, frames, 3 * dims]),
    distances: mx.random.normal([kept + 2 * chunk - 1, dims]),
    u: mx.random.normal([heads, width]),
    v: mx.random.normal([heads, width]),
  };
}

/** All frames at once: scores of all pairs with their distance looked up, and a mask of chunks. */
function plainAttention({ qkv, distances, u, v }: Attention, chunk: number, kept: number): MxArray {
  const frames = qkv.shape[1] ?? 0;
  const [heads = 0, width = 0] = u.shape;
  const split = (x: MxArray): MxArray => mx.transpose(mx.reshape(x, [1, -1, heads, width]), [0, 2, 1, 3]);
  const [q, k, values] = mx.split(qkv, 3, 2).map(split) as [MxArray, MxArray, MxArray];
  const content = mx.matmul(mx.add(q, mx.expandDims(u, 1)), mx.swapaxes(k, 2, 3));
  const far = mx.matmul(
    mx.add(q, mx.expandDims(v, 1)),
    mx.swapaxes(split(mx.expandDims(distances, 0)), 2, 3),
  );
  const index = new Int32Array(frames * frames);
  const mask = new Float32Array(frames * frames);
  for (let i = 0; i < frames; i++) {
    const start = Math.floor(i / chunk) * chunk;
    for (let j = 0; j < frames; j++) {
      const sees = j >= start - kept && j < start + chunk;
      index[i * frames + j] = sees ? kept + chunk - 1 - (i - j) : 0;
      mask[i * frames + j] = sees ? 0 : -Infinity;
    }
  }
  const pairs = mx.broadcastTo(mx.array(index, [1, 1, frames, frames]), [1, heads, frames, frames]);
  const scores = mx.multiply(mx.add(content, mx.takeAlongAxis(far, pairs, 3)), width ** -0.5);
  const attended = mx.matmul(mx.softmax(mx.add(scores, mx.array(mask, [frames, frames])), -1), values);
  return mx.reshape(mx.transpose(attended, [0, 2, 1, 3]), [1, frames, heads * width]);
}

/** In calls of `callFrames` frames. */
function inParts({ qkv, distances, u, v }: Attention, chunk: number, callFrames: number): MxArray {
  const [, frames = 0, width = 0] = qkv.shape;
  const parts: MxArray[] = [];
  let past: MxArray | null = null;
  for (let at = 0; at < frames; at += callFrames) {
    const part = mx.slice(qkv, [0, at, 0], [1, Math.min(frames, at + callFrames), width]);
    const [attended, next] = mx.cpu.causalAttention(part, distances, u, v, chunk, { past });
    parts.push(attended);
    past = next.size === 0 ? null : next;
  }
  return mx.concatenate(parts, 1);
}

describeKernels('attention over chunks', () => {
  test.each([
    // frames, frames of a chunk, frames before it, heads, width
    [5, 7, 14, 1, 8],
    [40, 7, 14, 2, 8],
    [40, 1, 5, 3, 16],
    [61, 2, 8, 2, 24],
    [50, 4, 0, 2, 10],
    [100, 14, 70, 2, 32],
  ])(
    '%d frames in chunks of %d after %d others, %d heads of %d numbers',
    (frames, chunk, kept, heads, width) => {
      mx.tidy(() => {
        const all = randomAttention(frames, chunk, kept, heads, width);
        const expected = plainAttention(all, chunk, kept);
        const whole = inParts(all, chunk, frames);
        expect(worst(whole, expected)).toBeLessThan(1e-4);
        for (const chunks of [1, 3]) expect(worst(inParts(all, chunk, chunks * chunk), whole)).toBe(0);
      });
    },
  );

  test('refuses other shapes and dtypes', () => {
    mx.tidy(() => {
      const [u, qkv, distances] = [mx.zeros([2, 4]), mx.zeros([1, 3, 24]), mx.zeros([7, 8])];
      const attend =
        (...args: Parameters<typeof mx.cpu.causalAttention>) =>
        () =>
          mx.cpu.causalAttention(...args);
      expect(attend(qkv, distances, u, u, 2)).not.toThrow();
      for (const bad of [
        attend(mx.zeros([2, 3, 24]), distances, u, u, 2),
        attend(mx.zeros([1, 3, 23]), distances, u, u, 2),
        attend(qkv, mx.zeros([7, 9]), u, u, 2),
        attend(qkv, distances, u, mx.zeros([1, 8]), 2),
        attend(qkv, distances, u, u, 0),
        attend(qkv, distances, u, u, 5), // more distances than there are
        attend(qkv, distances, u, u, 2, { past: mx.zeros([1, 5, 16]) }), // more than 4 frames before
        attend(qkv, distances, u, u, 2, { past: mx.zeros([1, 4, 15]) }),
        attend(qkv, distances, u, u, 2, { past: mx.zeros([1, 4, 16], 'float16') }),
        attend(qkv.astype('float16'), distances, u, u, 2),
      ])
        expect(bad).toThrow(/causalAttention/);
    });
  });
});

describeKernels('convolutions over chunks', () => {
  test.each([
    [1, 9, 16, false],
    [7, 9, 40, true],
    [33, 5, 24, false],
    [4, 1, 3, true],
  ])('gated, %d frames, kernel of %d, %d channels, bias %s', (frames, taps, channels, hasBias) => {
    mx.tidy(() => {
      mx.random.seed(taps);
      const x = mx.random.normal([1, frames, 2 * channels]);
      const past = mx.random.normal([1, taps - 1, channels]);
      const weights = mx.random.normal([taps, channels]);
      const [bias, normWeight, normBias] = [0, 1, 2].map(() => mx.random.normal([channels])) as [
        MxArray,
        MxArray,
        MxArray,
      ];
      const [a, gate] = mx.split(x, 2, 2) as [MxArray, MxArray];
      const gated = mx.concatenate([past, mx.multiply(a, mx.sigmoid(gate))], 1);
      const kernel = mx.reshape(mx.contiguous(mx.transpose(weights)), [channels, taps, 1]);
      let y = mx.conv1d(gated, kernel, 1, 0, 1, channels);
      if (hasBias) y = mx.add(y, bias);
      y = mx.fast.layerNorm(y, normWeight, normBias, 1e-5);
      const convolve = (part: MxArray, before: MxArray): [MxArray, MxArray] =>
        mx.cpu.causalDepthwise(part, before, weights, normWeight, normBias, 1e-5, {
          bias: hasBias ? bias : null,
        });
      const [found, next] = convolve(x, past);
      expect(worst(found, mx.multiply(y, mx.sigmoid(y)))).toBeLessThan(1e-4);
      expect(worst(next, mx.slice(gated, [0, frames, 0], gated.shape))).toBeLessThan(1e-6);

      const parts: MxArray[] = [];
      let before = past;
      for (let at = 0; at < frames; at += 2) {
        const part = mx.slice(x, [0, at, 0], [1, Math.min(frames, at + 2), 2 * channels]);
        const [convolved, after] = convolve(part, before);
        parts.push(convolved);
        before = after;
      }
      expect(worst(mx.concatenate(parts, 1), found)).toBe(0);
      expect(worst(before, next)).toBe(0);
    });
  });

  test.each([
    [2, 0, 2, 1, 3, 8],
    [1, 1, 2, 1, 4, 7],
    [0, 0, 1, 0, 5, 6],
  ] as const)('strided with %d, %d, %d and %d zeros, %d × %d', (top, bottom, left, right, height, width) => {
    mx.tidy(() => {
      mx.random.seed(height);
      const x = mx.random.normal([1, height, width, 8]);
      const [weights, bias] = [mx.random.normal([9, 8]), mx.random.normal([8])];
      const kernel = mx.reshape(mx.contiguous(mx.transpose(weights)), [8, 3, 3, 1]);
      const padded = mx.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]]); // prettier-ignore
      const y = mx.add(mx.conv2d(padded, kernel, 2, 0, 1, 8), bias);
      const padding = [top, bottom, left, right] as const;
      expect(worst(mx.cpu.stridedDepthwise(x, weights, bias, { padding }), y)).toBeLessThan(1e-4);
    });
  });

  test('refuse other shapes and dtypes', () => {
    mx.tidy(() => {
      const [x, past, weights, norm] = [
        mx.zeros([1, 3, 16]),
        mx.zeros([1, 4, 8]),
        mx.zeros([5, 8]),
        mx.zeros([8]),
      ];
      const convolve =
        (...args: Parameters<typeof mx.cpu.causalDepthwise>) =>
        () =>
          mx.cpu.causalDepthwise(...args);
      expect(convolve(x, past, weights, norm, norm, 1e-5)).not.toThrow();
      for (const bad of [
        convolve(mx.zeros([1, 3, 15]), past, weights, norm, norm, 1e-5),
        convolve(x, mx.zeros([1, 5, 8]), weights, norm, norm, 1e-5),
        convolve(x, past, weights, mx.zeros([7]), norm, 1e-5),
        convolve(x, past, weights, norm, norm, 0),
        convolve(x, past, weights, norm, norm, 1e-5, { bias: mx.zeros([7]) }),
        convolve(x, past, weights.astype('float16'), norm, norm, 1e-5),
      ])
        expect(bad).toThrow(/causalDepthwise/);
      const image = mx.zeros([1, 2, 3, 8]);
      const strided =
        (...padding: number[]) =>
        () =>
          mx.cpu.stridedDepthwise(image, mx.zeros([9, 8]), norm, {
            padding: padding as [number, number, number, number],
          });
      expect(strided(1, 0, 0, 0)).not.toThrow();
      for (const bad of [strided(0, 0, 0, 0), strided(3, 0, 0, 0), strided(1, 0, 0, -1), strided(1, 1)])
        expect(bad).toThrow(/stridedDepthwise/);
    });
  });
});
