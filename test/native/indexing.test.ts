/** Indexing, compared with plain JavaScript. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mx, type Index, type MxArray } from '#native/index.js';

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

/** 100·i + 10·j + k at [i, j, k]. */
const cube = (): MxArray =>
  mx.array(
    Float32Array.from(
      { length: 24 },
      (_, n) => 100 * Math.floor(n / 12) + 10 * (Math.floor(n / 4) % 3) + (n % 4),
    ),
    [2, 3, 4],
  );

test.each<[string, Index[], unknown]>([
  [
    'x[1]',
    [1],
    [
      [100, 101, 102, 103],
      [110, 111, 112, 113],
      [120, 121, 122, 123],
    ],
  ],
  ['x[-1, -1, -1]', [-1, -1, -1], 123],
  [
    'x[0, 1:3, ::2]',
    [0, [1, 3], [null, null, 2]],
    [
      [10, 12],
      [20, 22],
    ],
  ],
  [
    'x[..., 0]',
    ['...', 0],
    [
      [0, 10, 20],
      [100, 110, 120],
    ],
  ],
  [
    'x[:, 1]',
    [':', 1],
    [
      [10, 11, 12, 13],
      [110, 111, 112, 113],
    ],
  ],
  ['x[0, 0, ::-1]', [0, 0, [null, null, -1]], [3, 2, 1, 0]],
  ['x[0, 0, 2:0:-1]', [0, 0, [2, 0, -1]], [2, 1]],
  ['x[0, -2:, 1]', [0, [-2], 1], [11, 21]],
  ['x[0, 0, 3:1]', [0, 0, [3, 1]], []],
  ['x[0, 0, :100]', [0, 0, [null, 100]], [0, 1, 2, 3]],
  ['x[None, 0, 0, None, :2]', [null, 0, 0, null, [0, 2]], [[[0, 1]]]],
  ['x[0, 0]', [0, 0, '...'], [0, 1, 2, 3]],
])('at: %s', (_, specs, expected) => {
  using x = cube();
  using y = mx.at(x, ...specs);
  expect(y.tolist()).toEqual(expected);
});

test('at accepts one array of indices', () => {
  using x = cube();
  using indices = mx.array(Int32Array.of(2, 0));
  using rows = mx.at(x, 0, indices, [0, 2]);
  expect(rows.tolist()).toEqual([
    [20, 21],
    [0, 1],
  ]);
  expect(() => mx.at(x, indices, indices)).toThrow(/at most one/);
});

test('at rejects indices out of range and too many indices', () => {
  using x = cube();
  expect(() => mx.at(x, 2)).toThrow(/index 2 is out of range for axis 0 of size 2/);
  expect(() => mx.at(x, 0, 0, 0, 0)).toThrow(/4 indices for an array of 3 axes/);
  expect(() => mx.at(x, '...', '...')).toThrow(/at most one/);
  expect(() => mx.at(x, 0.5)).toThrow(/out of range/);
});

test('sliceUpdate writes a part into a copy', () => {
  using x = mx.zeros([3, 4]);
  using ones = mx.ones([2, 2]);
  using y = mx.sliceUpdate(x, ones, [1, 0], [3, 4], [1, 2]);
  using z = mx.sliceUpdate(x, 7, [0, 0], [1, 4]);
  using sum = mx.sliceUpdateAdd(y, ones, [1, 0], [3, 2]);
  expect(x.tolist()).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
  expect(y.tolist()).toEqual([
    [0, 0, 0, 0],
    [1, 0, 1, 0],
    [1, 0, 1, 0],
  ]);
  expect(mx.tidy(() => mx.at(z, 0).tolist())).toEqual([7, 7, 7, 7]);
  expect(mx.tidy(() => mx.at(sum, 1).tolist())).toEqual([2, 1, 1, 0]);
});

test('slice and sliceUpdate accept a lazy start', () => {
  using x = cube();
  using start = mx.array(Int32Array.of(1, 2));
  using y = mx.slice(x, start, [0, 2], [1, 3, 2]);
  expect(y.tolist()).toEqual([
    [
      [102, 103],
      [112, 113],
      [122, 123],
    ],
  ]);
  using nines = mx.full([1, 3, 2], 9);
  using z = mx.sliceUpdate(x, nines, start, [0, 2]);
  expect(mx.tidy(() => mx.at(z, 1, 0).tolist())).toEqual([100, 101, 9, 9]);
});

test('scatterAdd accumulates at repeated indices', () => {
  using x = mx.zeros([3, 2]);
  using where = mx.array(Int32Array.of(0, 2, 0));
  using updates = mx.ones([3, 1, 2]);
  using y = mx.scatterAdd(x, [where], updates, [0]);
  expect(y.tolist()).toEqual([
    [2, 2],
    [0, 0],
    [1, 1],
  ]);
  using g = mx.gather(y, [where], [0], [1, 2]);
  expect(g.tolist()).toEqual([[[2, 2]], [[1, 1]], [[2, 2]]]);
});

test('topk gives the largest values along an axis', () => {
  using x = mx.array([
    [3, 1, 2],
    [9, 8, 7],
  ]);
  using top = mx.tidy(() => mx.sort(mx.topk(x, 2)));
  expect(top.tolist()).toEqual([
    [2, 3],
    [8, 9],
  ]);
});
