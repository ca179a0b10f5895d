/** Conversion of data: dtypes, shapes, and scalars combined with arrays. */
import { describe, expect, test } from '@jest/globals';
import { mx, type Dtype, type Item, type MxArray, type TypedArray } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';
import { noFloat64 } from '#test/harness/test-device.js';

const list = (x: TypedArray): (number | bigint)[] => [...x];

describe('typed arrays', () => {
  test.each<[Dtype, TypedArray]>([
    ['int8', Int8Array.of(-128, 0, 127)],
    ['uint8', Uint8Array.of(0, 1, 255)],
    ['uint8', Uint8ClampedArray.of(0, 1, 255)],
    ['int16', Int16Array.of(-32768, 1, 32767)],
    ['uint16', Uint16Array.of(0, 1, 65535)],
    ['int32', Int32Array.of(-(2 ** 31), 1, 2 ** 31 - 1)],
    ['uint32', Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ['int64', BigInt64Array.of(-(2n ** 63n), 1n, 2n ** 63n - 1n)],
    ['uint64', BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
    ['float32', Float32Array.of(-1.5, 0, 3e38)],
  ])('%s round-trips', (dtype, data) => {
    using x = mx.array(data);
    expect(x.dtype).toBe(dtype);
    expect(list(x.toTypedArray())).toEqual(list(data));
  });

  testUnless(noFloat64)('doubles become float32 unless the dtype is float64', () => {
    using narrow = mx.array(Float64Array.of(0.1));
    using wide = mx.array(Float64Array.of(0.1), null, 'float64');
    expect([narrow.dtype, narrow.item()]).toEqual(['float32', Math.fround(0.1)]);
    expect([wide.dtype, wide.item()]).toEqual(['float64', 0.1]);
  });

  test('16-bit floats are raw bits in a Uint16Array and convert from and to float32', () => {
    for (const [dtype, one] of [
      ['float16', 0x3c00],
      ['bfloat16', 0x3f80],
    ] as const) {
      using fromBits = mx.array(Uint16Array.of(one), null, dtype);
      using fromFloats = mx.array(Float32Array.of(1), null, dtype);
      for (const x of [fromBits, fromFloats]) {
        expect(x.dtype).toBe(dtype);
        expect(x.item()).toBe(1);
        expect(list(x.toTypedArray())).toEqual([one]);
        expect(list(x.toTypedArray('float32'))).toEqual([1]);
      }
    }
  });

  test('complex numbers are (re, im) pairs', () => {
    using z = mx.array(Float32Array.of(1, 2, 3, 4), [2], 'complex64');
    expect(z.tolist()).toEqual([
      { re: 1, im: 2 },
      { re: 3, im: 4 },
    ]);
    expect(list(z.toTypedArray())).toEqual([1, 2, 3, 4]);
    expect(() => mx.array(Float32Array.of(1, 2, 3), null, 'complex64')).toThrow(/two elements/);
  });

  test('a view into a larger buffer starts at its own offset', () => {
    const view = new Float32Array(Float32Array.of(9, 1, 2, 9).buffer, 4, 2);
    using x = mx.array(view);
    expect(list(x.toTypedArray())).toEqual([1, 2]);
  });

  test('a shape must fit the data and may contain one -1', () => {
    using x = mx.array(new Float32Array(6), [-1, 3]);
    expect(x.shape).toEqual([2, 3]);
    expect(() => mx.array(new Float32Array(6), [4, 2])).toThrow(/6 elements, which do not fit shape \[4,2\]/);
    expect(() => mx.array(new Float32Array(6), [-1, -1])).toThrow(/negative/);
    using none = mx.array(new Float32Array(0), [0, 3]);
    expect([none.shape, none.tolist()]).toEqual([[0, 3], []]);
  });

  test('transposed and broadcast arrays are read in logical order', () => {
    using x = mx.arange(6);
    using t = mx.tidy(() => mx.transpose(mx.reshape(x, [2, 3])));
    expect(list(t.toTypedArray())).toEqual([0, 3, 1, 4, 2, 5]);
    expect(list(t.data())).toEqual([0, 3, 1, 4, 2, 5]);
    using b = mx.broadcastTo(x, [2, 6]);
    expect(b.tolist()).toEqual([
      [0, 1, 2, 3, 4, 5],
      [0, 1, 2, 3, 4, 5],
    ]);
  });

  test('data() shares the memory and outlives the array', () => {
    const x = mx.arange(1000);
    const view = x.data();
    const again = x.data();
    x.dispose();
    expect([view[999], again[1], view.length]).toEqual([999, 1, 1000]);
  });

  test('asarray keeps the dtype and shape of a typed array', () => {
    using x = mx.asarray(Int16Array.of(1, 2, 3, 4), [2, 2]);
    expect([x.dtype, x.tolist()]).toEqual([
      'int16',
      [
        [1, 2],
        [3, 4],
      ],
    ]);
  });
});

describe('numbers and lists', () => {
  test('numbers become float32, booleans bool, bigints int64', () => {
    using a = mx.array([
      [1, 2],
      [3, 4],
    ]);
    using b = mx.array(true);
    using c = mx.array([1n, 2]);
    using d = mx.array([]);
    expect([a, b, c, d].map((x) => [x.dtype, x.shape])).toEqual([
      ['float32', [2, 2]],
      ['bool', []],
      ['int64', [2]],
      ['float32', [0]],
    ]);
  });

  test('a given dtype is exact', () => {
    using big = mx.array([2 ** 53, -1], null, 'int64');
    expect(big.tolist()).toEqual([2n ** 53n, -1n]);
    expect(() => mx.array([1.5], null, 'int32')).toThrow(/int32 can't hold a fraction/);
  });

  test('rejects lists of different lengths or depths', () => {
    for (const bad of [
      [[1, 2], [3]],
      [1, [2]],
      [[1], 2],
    ])
      expect(() => mx.array(bad)).toThrow(/different depths or lengths/);
    expect(() => mx.array(['1'] as unknown as number[])).toThrow(
      /must be an MxArray, a number or a boolean, got '1'/,
    );
  });

  test('items have the JavaScript type of the dtype', () => {
    const items = (['bool', 'uint8', 'int64', 'float16', 'complex64'] as const).map((dtype) =>
      mx.tidy(() => mx.array(1).astype(dtype).item<Item>()),
    );
    expect(items).toEqual([true, 1, 1n, 1, { re: 1, im: 0 }]);
    using two = mx.ones([2]);
    expect(() => two.item()).toThrow(/item: the array must have exactly one element/);
  });
});

test('a scalar takes the dtype of the array operand; a fraction with integers gives float32', () => {
  const dtype = (x: Dtype, scalar: number | boolean | bigint): Dtype =>
    mx.tidy(() => mx.add(mx.ones([1], x), scalar).dtype);
  expect(dtype('float16', 2)).toBe('float16');
  expect(dtype('bfloat16', 0.1)).toBe('bfloat16');
  expect(dtype('int32', 2)).toBe('int32');
  expect(dtype('uint8', 2)).toBe('uint8');
  expect(dtype('int32', 0.5)).toBe('float32');
  expect(dtype('bool', 2)).toBe('int32');
  expect(dtype('bool', true)).toBe('bool');
  expect(dtype('float16', true)).toBe('float16');
  expect(dtype('int8', 3n)).toBe('int8');
  expect(dtype('float32', Infinity)).toBe('float32');
  expect(mx.tidy(() => mx.add(1, 2).dtype)).toBe('float32');
  expect(mx.tidy(() => mx.add(mx.ones([1], 'float16'), mx.ones([1], 'float32')).dtype)).toBe('float32');
});

test('options may name positional parameters', () => {
  using x = mx.array([
    [1, 2],
    [3, 4],
  ]);
  const loose = mx as unknown as { sum: (x: MxArray, options: object) => MxArray };
  using s = loose.sum(x, { axis: 1, keepdims: true });
  expect(s.tolist()).toEqual([[3], [7]]);
});

test('dtype properties match MLX', () => {
  expect(mx.promoteTypes('float16', 'bfloat16')).toBe('float32');
  expect(mx.issubdtype('bfloat16', 'floating')).toBe(true);
  expect(mx.issubdtype('int8', 'unsignedinteger')).toBe(false);
  expect(mx.issubdtype('int8', 'int8')).toBe(true);
  expect(mx.finfo('float16').max).toBe(65504);
  expect(mx.iinfo('int64').max).toBe(2n ** 63n - 1n);
});
