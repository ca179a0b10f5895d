/** The layers that codecs share, in each of their forms. */
import { describe, expect, test } from '@jest/globals';

import { checkCodes, checkedCodebooks } from '#daemon/models/codecs/layers/check-codes.js';
import { ChunkPass, type StreamState } from '#daemon/models/codecs/layers/chunk-pass.js';
import { DilatedConv1d } from '#daemon/models/codecs/layers/dilated-conv.js';
import type { LstmLayer } from '#daemon/models/codecs/layers/residual-lstm.js';
import { KernelLstmLayer, ResidualLstm } from '#daemon/models/codecs/layers/residual-lstm.js';
import { padTime } from '#daemon/models/codecs/layers/pad-time.js';
import { PaddedConv1d } from '#daemon/models/codecs/layers/padded-conv.js';
import { EuclideanCodebook, ResidualQuantizer } from '#daemon/models/codecs/layers/rvq.js';
import { PolyphaseConv1d } from '#daemon/models/codecs/layers/polyphase-conv.js';
import { causalTrim, TransposedConv1d, Upsample } from '#daemon/models/codecs/layers/upsample.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { differenceOf, randomArray, withRandomWeights } from './codec-arrays.js';

const signal = (...values: number[]): MxArray => mx.array(values, [1, -1, 1], 'float32');
const valuesOf = (x: MxArray): number[] => [...x.toTypedArray('float32')];

interface Streaming {
  stream(x: MxArray, pass: ChunkPass): MxArray;
}

/** x [B, T, C] chunk by chunk. */
function streamed(layer: Streaming, x: MxArray, sizes: readonly number[]): MxArray {
  const [batch = 0, length = 0, channels = 0] = x.shape;
  const outputs: MxArray[] = [];
  let state: StreamState | undefined;
  let from = 0;
  for (let i = 0; from < length; i++) {
    const to = Math.min(length, from + (sizes[i] ?? sizes.at(-1) ?? 1));
    const pass = new ChunkPass(state, to === length);
    outputs.push(layer.stream(mx.slice(x, [0, from, 0], [batch, to, channels]), pass));
    state?.dispose();
    state = pass.finish();
    from = to;
  }
  state?.dispose();
  return mx.concatenate(outputs, 1);
}

describe('padding', () => {
  test.each([
    ['constant', [0, 0, 1, 2, 3, 0]],
    ['replicate', [1, 1, 1, 2, 3, 3]],
    ['reflect', [3, 2, 1, 2, 3, 2]],
  ] as const)('%s', (mode, expected) => {
    mx.tidy(() => {
      expect(valuesOf(padTime(signal(1, 2, 3), 2, 1, mode))).toEqual(expected);
    });
  });

  test('a signal that is too short for its reflection has zeros behind it', () => {
    mx.tidy(() => {
      expect(valuesOf(padTime(signal(1, 2), 3, 0, 'reflect'))).toEqual([0, 0, 2, 1, 2]);
      expect(valuesOf(padTime(signal(1), 1, 2, 'reflect'))).toEqual([0, 1, 0, 0]);
    });
  });
});

describe('convolutions', () => {
  test.each([
    [2, 0, 3],
    [3, 3, 7],
    [9, 27, 7],
    [5, 1, 2],
  ])('a dilation of %d, a padding of %d and a kernel of %d', (dilation, padding, kernelSize) => {
    mx.tidy(() => {
      const x = randomArray([2, 61, 8], 1);
      const conv = withRandomWeights(new nn.Conv1d(8, 16, kernelSize, { dilation, padding }));
      const expected = conv.forward(x);
      const residual = randomArray(expected.shape, 2);
      const fused = new DilatedConv1d(conv);
      expect(differenceOf(fused.forward(x), expected)).toBeLessThan(1e-5);
      if (nn.canPack()) nn.pack(fused);
      expect(differenceOf(fused.fused(x, { residual }), mx.add(expected, residual))).toBeLessThan(1e-5);
    });
  });

  test.each([
    [7, 1, 1, 'reflect'],
    [3, 1, 4, 'reflect'],
    [8, 4, 1, 'reflect'],
    [1, 1, 1, 'reflect'],
    [4, 2, 1, 'replicate'],
    [7, 1, 2, 'constant'],
  ] as const)(
    'kernel %d, stride %d, dilation %d, %s: chunks equal the whole',
    (kernel, stride, dilation, padMode) => {
      const live = mx.liveArrays();
      const conv = withRandomWeights(new PaddedConv1d(3, 5, kernel, { stride, dilation, padMode }));
      mx.tidy(() => {
        for (const length of [16, 32, 37, 41]) {
          const x = randomArray([2, length, 3], length);
          const whole = conv.forward(x);
          expect(whole.shape[1]).toBe(Math.ceil(length / stride));
          for (const sizes of [[length], [16, 4], [16, 8, 12]]) {
            expect(differenceOf(streamed(conv, x, sizes), whole)).toBeLessThan(1e-5);
          }
        }
      });
      conv.dispose();
      expect(mx.liveArrays()).toBe(live);
    },
  );

  test.each([
    [4, 2, [0, 2], 0],
    [16, 8, [4, 4], 0],
    [10, 5, [3, 3], 1],
    [7, 3, [2, 1], 1],
    [3, 3, [0, 0], 0],
  ] as const)(
    'transposed: kernel %d, stride %d, trim %p, output padding %d',
    (kernel, stride, trim, outputPadding) => {
      mx.tidy(() => {
        const up = withRandomWeights(new Upsample(6, 4, kernel, { stride, trim, outputPadding }));
        const x = randomArray([2, 11, 6], 3);
        if (!(up.conv instanceof TransposedConv1d)) throw new Error('not the plain form');
        const { weight, bias } = up.conv;
        const full = mx.add(mx.convTranspose1d(x, weight, stride, 0, 1, outputPadding), bias ?? 0);
        const end = (full.shape[1] ?? 0) - trim[1];
        const expected = mx.slice(full, [0, trim[0], 0], [2, end, 4]);
        expect(differenceOf(up.forward(x), expected)).toBeLessThan(1e-5);
        up.conv = new PolyphaseConv1d(up.conv);
        expect(differenceOf(up.forward(x), expected)).toBeLessThan(1e-5);
        if (nn.canPack()) nn.pack(up);
        expect(differenceOf(up.forward(x), expected)).toBeLessThan(1e-5);
      });
    },
  );

  test.each([1, 2, 4])('transposed in %d groups: chunks equal the whole', (groups) => {
    const live = mx.liveArrays();
    const options = { stride: 2, groups, trim: causalTrim(5, 2) };
    const up = withRandomWeights(new Upsample(4, 4, 5, options));
    mx.tidy(() => {
      const x = randomArray([2, 20, 4], 4);
      const whole = up.forward(x);
      expect(whole.shape).toEqual([2, 40, 4]);
      for (const sizes of [[20], [1], [7, 2, 5]]) {
        expect(differenceOf(streamed(up, x, sizes), whole)).toBeLessThan(1e-5);
      }
      if (!(up.conv instanceof TransposedConv1d)) throw new Error('not the plain form');
      expect(PolyphaseConv1d.canReplace(up.conv)).toBe(groups < 4);
      if (groups < 4) up.conv = new PolyphaseConv1d(up.conv);
      expect(differenceOf(streamed(up, x, [7, 2, 5]), whole)).toBeLessThan(1e-5);
    });
    up.dispose();
    expect(mx.liveArrays()).toBe(live);
  });
});

test('an LSTM has the same outputs with the kernel, and in chunks', () => {
  mx.tidy(() => {
    const plain = withRandomWeights(new ResidualLstm(32, 2));
    const x = randomArray([3, 13, 32], 5);
    const expected = plain.forward(x);
    expect(differenceOf(streamed(plain, x, [4, 1]), expected)).toBeLessThan(1e-5);
    if (!mx.cpu.lstmAvailable()) return;
    plain.lstm = plain.lstm.map((layer) => new KernelLstmLayer(layer as LstmLayer));
    expect(differenceOf(plain.forward(x), expected)).toBeLessThan(1e-5);
    expect(differenceOf(streamed(plain, x, [4, 1]), expected)).toBeLessThan(1e-5);
  });
});

test('ELU', () => {
  mx.tidy(() => {
    const x = [-20, -1, -1e-4, 0, 1e-4, 3];
    for (const [i, y] of valuesOf(nn.elu(mx.array(x))).entries()) {
      expect(y).toBeCloseTo((x[i] ?? 0) > 0 ? (x[i] ?? 0) : Math.expm1(x[i] ?? 0), 6);
    }
  });
});

describe('residual quantization', () => {
  test('finds the nearest rows, and the first of equals', () => {
    mx.tidy(() => {
      const codebook = new EuclideanCodebook(4, 2);
      codebook.embed = mx.array([3, 0, 0, 1, 0, 1, -1, -1], [4, 2], 'float32');
      const x = mx.array([0, 0.9, 2, 0, -1, -2, 1, 0], [1, 4, 2], 'float32');
      expect([...codebook.encode(x).toTypedArray('uint32')]).toEqual([1, 0, 3, 1]);
    });
  });

  test('each codebook quantizes the rest of those before it', () => {
    mx.tidy(() => {
      const quantizer = withRandomWeights(new ResidualQuantizer(3, 16, 4));
      const x = randomArray([2, 9, 4], 6);
      const codes = quantizer.encode(x);
      expect(codes.shape).toEqual([2, 3, 9]);
      const first = quantizer.encode(x, 1);
      expect(differenceOf(mx.slice(codes, [0, 0, 0], [2, 1, 9]), first)).toBe(0);
      const error = (count: number): number => {
        const part = mx.slice(codes, [0, 0, 0], [2, count, 9]);
        return Number(mx.sum(mx.square(mx.subtract(quantizer.decode(part), x))).item());
      };
      expect(error(3)).toBeLessThan(error(1));
    });
  });
});

describe('codes from outside', () => {
  const shape = { codebooks: 2, codebookSize: 8 };

  test.each([
    [[], 'have 0 codebooks'],
    [[[1], [1], [1]], 'have 3 codebooks'],
    [[[1, 2], [1]], 'codebook 1 has 1'],
    [[[1], [8]], 'codebook 1 is 8'],
    [[[-1]], 'is -1'],
    [[[0.5]], 'is 0.5'],
    [[[NaN]], 'is NaN'],
  ])('%p', (codes, message) => {
    expect(() => checkCodes(codes, shape)).toThrow(message);
  });

  test('that fit', () => {
    expect(() => checkCodes([[0, 7]], shape)).not.toThrow();
    expect(checkedCodebooks(undefined, shape)).toBe(2);
    expect(checkedCodebooks(1, shape)).toBe(1);
    expect(() => checkedCodebooks(3, shape)).toThrow('2 codebooks, not 3');
  });
});
