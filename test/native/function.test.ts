import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

describe('compile', () => {
  test('gives the function’s result and traces once per shape and dtype', () => {
    let traces = 0;
    using w = mx.array([2, 2]);
    using f = mx.compile((x: MxArray) => {
      traces++;
      return mx.add(mx.multiply(x, w), 1);
    });
    const run = (x: MxArray): unknown => mx.tidy(() => f(x).tolist());
    using x = mx.array([1, 2]);
    using y = mx.array([5, 6]);
    run(x); // creates the thread's stream, after which MLX may trace once more
    run(x);
    const known = traces;
    expect([run(x), run(y)]).toEqual([
      [3, 5],
      [11, 13],
    ]);
    expect(traces).toBe(known);
    using half = x.astype('float16');
    using rows = mx.ones([3, 2]);
    expect([run(half), run(rows)]).toEqual([
      [3, 5],
      [
        [3, 3],
        [3, 3],
        [3, 3],
      ],
    ]);
    expect(traces).toBe(known + 2);
  });

  test('traces once for all sizes if shapeless', () => {
    let traces = 0;
    using f = mx.compile((x: MxArray) => (traces++, mx.exp(mx.add(x, 1))), { shapeless: true });
    const run = (n: number): number[] => mx.tidy(() => f(mx.zeros([n])).shape);
    run(1);
    run(1);
    const known = traces;
    expect([run(2), run(3)]).toEqual([[2], [3]]);
    expect(traces).toBe(known);
  });

  test('accepts and returns lists and objects of arrays', () => {
    using f = mx.compile(({ a, list }: { a: MxArray; list: MxArray[] }) => ({
      sum: list.reduce((x, y) => mx.add(x, y), a),
      pair: [a, mx.negative(a)],
    }));
    const tree = mx.tidy(() => f({ a: mx.array(1), list: [mx.array(2), mx.array(3)] }));
    expect([tree.sum.item(), tree.pair.map((x) => x.item())]).toEqual([6, [1, -1]]);
    mx.dispose(tree);
    expect(() => f({ a: 3 as unknown as MxArray, list: [] })).toThrow(/trees of them/);
  });

  test('frees the arrays of the trace; the result belongs to the caller’s scope', () => {
    using f = mx.compile((x: MxArray) => mx.sqrt(mx.add(mx.square(x), 1)));
    using x = mx.ones([4]);
    mx.tidy(() => f(x) && 0);
    const y = f(x);
    expect(mx.liveArrays()).toBe(before + 2);
    y.dispose();
  });

  test('propagates an exception and traces again in the next call', () => {
    let calls = 0;
    using f = mx.compile((x: MxArray) => {
      if (calls++ < 2) throw new RangeError('mine');
      return mx.add(x, 1);
    });
    using x = mx.ones([1]);
    expect(() => f(x)).toThrow('mine');
    expect(() => f(x)).toThrow('mine');
    using y = f(x);
    expect(y.item()).toBe(2);
  });

  test('rejects a function that evaluates during the trace', () => {
    using f = mx.compile((x: MxArray) => mx.add(x, x.item()));
    using x = mx.ones([1]);
    expect(() => f(x)).toThrow(/function transformations/);
  });

  test('rejects a function that returns no arrays', () => {
    using f = mx.compile((() => 3) as unknown as () => MxArray);
    expect(() => f()).toThrow(/must be arrays/);
  });

  test('recompiles after dispose, which releases captured arrays', () => {
    const start = mx.memory.active();
    const big = mx.ones([1 << 20]);
    mx.eval(big);
    const f = mx.compile((x: MxArray) => mx.add(x, big));
    mx.tidy(() => mx.eval(f(mx.array(1))));
    big.dispose();
    f.dispose();
    mx.memory.clearCache();
    expect(mx.memory.active() - start).toBeLessThan(1 << 20);
  });

  test('a compiled function may call another', () => {
    using inner = mx.compile((x: MxArray) => mx.multiply(x, 3));
    using outer = mx.compile((x: MxArray) => mx.add(inner(x), 1));
    using y = mx.tidy(() => outer(mx.array(2)));
    expect(y.item()).toBe(7);
  });
});

test('grad and valueAndGrad differentiate a scalar function', () => {
  using x = mx.array([1, 2, 3]);
  using w = mx.array([4, 5, 6]);
  const loss = (a: MxArray, b: MxArray): MxArray => mx.sum(mx.multiply(mx.square(a), b));
  const [value, grads] = mx.valueAndGrad(loss, [0, 1])(x, w);
  expect([value.item(), grads.map((g) => g.tolist())]).toEqual([
    78,
    [
      [8, 20, 36],
      [1, 4, 9],
    ],
  ]);
  mx.dispose(value, grads);
  const only = mx.grad(loss)(x, w);
  expect(only.map((g) => g.tolist())).toEqual([[8, 20, 36]]);
  mx.dispose(only);
  expect(() => mx.grad((a) => mx.square(a))(x)).toThrow(/Output shape \(3\)/);
  expect(() => mx.grad(() => { throw new Error('mine'); })(x)).toThrow('mine'); // prettier-ignore
});

test('vjp and jvp multiply by the Jacobian from either side', () => {
  using x = mx.array([1, 2]);
  using one = mx.array([1, 10]);
  const back = mx.vjp((a) => mx.square(a), [x], [one]);
  const forth = mx.jvp((a) => mx.square(a), [x], [one]);
  const numbers = (lists: MxArray[][]): unknown => lists.map((list) => list.map((y) => y.tolist()));
  expect(numbers(back)).toEqual([[[1, 4]], [[2, 40]]]);
  expect(numbers(forth)).toEqual([[[1, 4]], [[2, 40]]]);
  mx.dispose(back, forth);
});

test('vmap maps over an axis', () => {
  using x = mx.tidy(() => mx.reshape(mx.arange(6), [2, 3]));
  using v = mx.array([1, 1, 1]);
  using sums = mx.vmap((row) => mx.sum(row))(x);
  using columns = mx.vmap((column) => mx.sum(column), 1)(x);
  const both = mx.vmap((row, same) => [mx.add(row, same), mx.max(row)], [0, null])(x, v);
  expect([sums.tolist(), columns.tolist(), both.map((y) => y.shape)]).toEqual([
    [3, 12],
    [3, 5, 7],
    [[2, 3], [2]],
  ]);
  mx.dispose(both);
});
