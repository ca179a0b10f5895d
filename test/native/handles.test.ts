/* eslint-disable @typescript-eslint/unbound-method -- methods meet a wrong `this` here on purpose */
/** Whatever is passed as an array: an error that says so, never a crash. */
import { describe, expect, test } from '@jest/globals';
import { binding } from '#native/addon.js';
import { mx, type MxArray } from '#native/index.js';

function failure(fn: () => unknown): { name: string; code: unknown; message: string } {
  try {
    fn();
  } catch (error) {
    // Errors of the addon belong to the main realm: `instanceof` would say no inside Jest.
    const { name, message, code } = error as Error & { code?: unknown };
    return { name, message, code };
  }
  throw new Error('nothing was thrown');
}

const array = mx.ones([2, 3]);
const shape = Object.getOwnPropertyDescriptor(mx.MxArray.prototype, 'shape')?.get;

class Lookalike {
  shape = [2, 3];
  dtype = 'float32';
}

const foreign: [string, unknown][] = [
  ['an object', {}],
  ['a lookalike', new Lookalike()],
  ['an object with the prototype of an array', Object.create(mx.MxArray.prototype)],
  ['an object whose prototype is an array', Object.create(array)],
  ['an object given the prototype later', Object.setPrototypeOf({}, mx.MxArray.prototype)],
  ['a proxy of an array', new Proxy(array, {})],
  ['the class', mx.MxArray],
  ['the prototype', mx.MxArray.prototype],
  ['a function', () => array],
  ['a string', 'array'],
  ['a symbol', Symbol('array')],
  ['a typed array', new Float32Array(6)],
  ['an ArrayBuffer', new ArrayBuffer(24)],
  ['a Map', new Map()],
  ['a promise', Promise.resolve(array)],
  ['undefined', undefined],
  ['null', null],
];

describe.each(foreign)('%s', (_, value) => {
  const x = value as MxArray;

  test('is refused as an operand, with a TypeError that names op and argument', () => {
    for (const fn of [
      () => mx.add(array, x),
      () => mx.matmul(x, array),
      () => mx.exp(x),
      () => mx.fast.layerNorm(x, null, null, 1e-5),
    ]) {
      const { name, code, message } = failure(fn);
      expect({ name, code }).toEqual({ name: 'TypeError', code: 'INVALID_ARGUMENT' });
      expect(message).toMatch(/^(add|matmul|exp|layerNorm): argument '(a|b|x)' (must be|is missing)/);
    }
  });

  test('is refused in a list and by the functions that manage memory', () => {
    for (const fn of [
      () => mx.concatenate([array, x]),
      () => binding.eval(x),
      () => binding.keep(x),
      () => binding.dispose([x]),
      () => binding.scopeClose(0, [x]),
    ]) {
      expect(failure(fn).name).toBe('TypeError');
    }
  });

  test('is refused as `this`', () => {
    expect(failure(() => shape?.call(x)).name).toBe('TypeError');
    const { dispose, item, toTypedArray } = mx.MxArray.prototype;
    for (const method of [dispose, item, toTypedArray])
      expect(failure(() => method.call(x)).name).toBe('TypeError');
  });
});

test('a handle of another addon is refused', () => {
  // Node's own wrapped objects are the nearest at hand: they hold native pointers that are not ours.
  for (const value of [new TextDecoder(), new AbortController(), new MessageChannel().port1]) {
    expect(failure(() => mx.add(array, value as unknown as MxArray)).name).toBe('TypeError');
    if (value instanceof MessagePort) value.close();
  }
});

test('the class makes nothing by `new`, nor by extending it', () => {
  const Class = mx.MxArray as unknown as new () => MxArray;
  expect(failure(() => new Class()).message).toMatch(/mx\.array/);
  class Derived extends Class {}
  expect(failure(() => new Derived()).name).toBe('TypeError');
  expect(
    failure(
      () => Reflect.construct(Object, [], Class) && mx.exp(Reflect.construct(Object, [], Class) as MxArray),
    ).name,
  ).toBe('TypeError');
});

test('every use of a disposed array is an error that says so', () => {
  const x = mx.ones([2]);
  x.dispose();
  x.dispose();
  expect(x.disposed).toBe(true);
  expect(String(x)).toBe('MxArray (disposed)');
  for (const fn of [
    () => x.shape,
    () => x.item(),
    () => x.tolist(),
    () => mx.add(x, 1),
    () => mx.eval(x),
    () => binding.keep(x),
    () => mx.concatenate([x]),
  ]) {
    expect(failure(fn)).toMatchObject({
      name: 'Error',
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('disposed') as unknown,
    });
  }
});

test('an array that is disposed while its op reads the options still counts', () => {
  const x = mx.array(new Float32Array([1, 2, 3]));
  const options = {
    get axis() {
      x.dispose();
      return 0;
    },
  };
  const sum = mx.softmax(x, options as unknown as number);
  expect(sum.shape).toEqual([3]);
  sum.dispose();
});

test('an exception out of a getter or a proxy comes through as it is', () => {
  const options = {
    get stream(): never {
      throw new RangeError('mine');
    },
  };
  expect(failure(() => mx.exp(array, options)).message).toBe('mine');
  const list = new Proxy([array], {
    get: () => {
      throw new SyntaxError('mine too');
    },
  });
  expect(failure(() => mx.concatenate(list)).message).toMatch(/mine too|must be/);
});

describe('errors name the op, its operands and what to do', () => {
  test("MLX's own errors carry the shapes and dtypes", () => {
    const a = mx.ones([2, 3]);
    const b = mx.ones([4, 5]);
    expect(failure(() => mx.matmul(a, b))).toEqual({
      name: 'Error',
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^matmul: [^[].*\(a float32\[2,3\], b float32\[4,5\]\)$/,
      ) as unknown as string,
    });
    mx.dispose(a, b);
  });

  test('a misspelt option is refused with the right ones', () => {
    const options = { axes: 1 } as unknown as number;
    expect(failure(() => mx.softmax(array, options)).message).toMatch(
      /unknown option 'axes' \(known: axis, precise, stream\)/,
    );
  });

  test('an option that was also given by position is refused', () => {
    expect(failure(() => mx.sum(array, 0, { axis: 1 } as unknown as boolean)).message).toMatch(
      /'axis' is given twice/,
    );
  });

  test('too many arguments are refused', () => {
    const exp = mx.exp as (...args: unknown[]) => unknown;
    expect(failure(() => exp(array, 1, 2)).message).toMatch(/takes at most 1 positional argument, got 3/);
  });

  test.each([
    ['a fraction', () => mx.reshape(array, [1.5, 4]), /'shape' must be an integer/],
    ['a number out of 32 bits', () => mx.reshape(array, [2 ** 31, 1]), /32 bits/],
    ['NaN', () => mx.sum(array, NaN), /'axis' must be an integer/],
    ['an unknown dtype', () => array.astype('float8' as 'float32'), /must be a dtype/],
    ['an unknown device', () => mx.exp(array, { stream: 'tpu' as 'cpu' }), /'cpu' or 'gpu'/],
    [
      'a stream nobody made',
      () => mx.exp(array, { stream: { device: 'cpu', index: 999 } }),
      /a stream made in this thread/,
    ],
    ['a wrong rank of slice', () => mx.slice(array, [0], [1]), /one entry per axis \(2\), got 1/],
    ['a stride of zero', () => mx.slice(array, [0, 0], [1, 1], [0, 1]), /stride of 0/],
    ['a view outside the array', () => mx.asStrided(array, [10], [1]), /reaches outside/],
    ['a view before the array', () => mx.asStrided(array, [3], [-1], 1), /reaches outside/],
    ['an index out of range', () => mx.take(array, 5, 1), /index 5 is out of range/],
  ])('%s is refused', (_, fn, message) => {
    expect(failure(fn).message).toMatch(message);
  });
});
