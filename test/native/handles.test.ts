/* eslint-disable @typescript-eslint/unbound-method -- calls methods with a wrong `this` on purpose */
/** Non-arrays passed as arrays: a specific error, never a crash. */
import { describe, expect, test } from '@jest/globals';
import { binding } from '#native/addon.js';
import { mx, type MxArray } from '#native/index.js';

function failure(fn: () => unknown): { name: string; code: unknown; message: string } {
  try {
    fn();
  } catch (error) {
    // The addon's errors belong to the main realm, so `instanceof` fails inside Jest.
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

  test('is rejected as an operand with a TypeError that names op and argument', () => {
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

  test('is rejected in a list and by the memory functions', () => {
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

  test('is rejected as `this`', () => {
    expect(failure(() => shape?.call(x)).name).toBe('TypeError');
    const { dispose, item, toTypedArray } = mx.MxArray.prototype;
    for (const method of [dispose, item, toTypedArray])
      expect(failure(() => method.call(x)).name).toBe('TypeError');
  });
});

test('rejects a handle of another addon', () => {
  // Node's own wrapped objects: they hold native pointers of others.
  for (const value of [new TextDecoder(), new AbortController(), new MessageChannel().port1]) {
    expect(failure(() => mx.add(array, value as unknown as MxArray)).name).toBe('TypeError');
    if (value instanceof MessagePort) value.close();
  }
});

test('rejects `new` on the class and its subclasses', () => {
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

test('every use of a disposed array is a specific error', () => {
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

test('an array disposed while its op reads the options stays usable for that op', () => {
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

test('propagates an exception of a getter or proxy unchanged', () => {
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

describe('errors', () => {
  test('include shapes and dtypes in MLX’s own errors', () => {
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

  test('list the known options for a misspelled one', () => {
    const options = { axes: 1 } as unknown as number;
    expect(failure(() => mx.softmax(array, options)).message).toMatch(
      /unknown option 'axes' \(known: axis, precise, stream\)/,
    );
  });

  test('reject an option that is also given by position', () => {
    expect(failure(() => mx.sum(array, 0, { axis: 1 } as unknown as boolean)).message).toMatch(
      /'axis' is given twice/,
    );
  });

  test('reject too many arguments', () => {
    const exp = mx.exp as (...args: unknown[]) => unknown;
    expect(failure(() => exp(array, 1, 2)).message).toMatch(/takes at most 1 positional argument, got 3/);
  });

  test.each([
    ['a fraction', () => mx.reshape(array, [1.5, 4]), /'shape' must be an integer/],
    ['a number beyond 32 bits', () => mx.reshape(array, [2 ** 31, 1]), /32 bits/],
    ['NaN', () => mx.sum(array, NaN), /'axis' must be an integer/],
    ['an unknown dtype', () => array.astype('float8' as 'float32'), /must be a dtype/],
    ['an unknown device', () => mx.exp(array, { stream: 'tpu' as 'cpu' }), /'cpu' or 'gpu'/],
    [
      'a stream that does not exist',
      () => mx.exp(array, { stream: { device: 'cpu', index: 999 } }),
      /a stream made in this thread/,
    ],
    ['a wrong rank of slice', () => mx.slice(array, [0], [1]), /one entry per axis \(2\), got 1/],
    ['a stride of zero', () => mx.slice(array, [0, 0], [1, 1], [0, 1]), /stride of 0/],
    ['a view outside the array', () => mx.asStrided(array, [10], [1]), /reaches outside/],
    ['a view before the array', () => mx.asStrided(array, [3], [-1], 1), /reaches outside/],
    ['an index out of range', () => mx.take(array, 5, 1), /index 5 is out of range/],
  ])('rejects %s', (_, fn, message) => {
    expect(failure(fn).message).toMatch(message);
  });
});
