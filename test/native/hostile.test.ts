/** Invalid arguments: every one gives an error with a code, without a crash or a leak. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';

const runs = 60 * Number(process.env['SOTTO_FUZZ'] ?? 1);

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

/** Runs a separate process, since a crash is a possible result. @returns the JSON that it prints */
function inProcess(args: string[]): unknown {
  const run = spawnSync(process.execPath, ['--no-warnings', ...args], {
    encoding: 'utf8',
    timeout: 500_000,
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) {
    throw new Error(`exit ${run.status} ${run.signal} after: ${run.stderr.slice(-2_000)}`);
  }
  return JSON.parse(run.stdout) as unknown;
}

describe('every op, with invalid arguments', () => {
  test.each([1, 2, 3])('fails with an error code and leaks no array: seed %i', (seed) => {
    const program = path.resolve(import.meta.dirname, 'hostile-calls.js');
    const counts = inProcess([program, String(seed), String(runs)]) as Record<string, number>;
    // The calls must include both rejected and successful ones.
    expect(counts['calls']).toBeGreaterThan(200 * runs);
    expect(counts['returned']).toBeGreaterThan(50 * runs);
    expect(counts['INVALID_ARGUMENT']).toBeGreaterThan(50 * runs);
  });
});

describe('sizes', () => {
  const HUGE = [65_536, 65_536, 65_536, 65_536]; // 2^64 elements, which overflow to none
  test.each<[string, () => unknown]>([
    ['an array over no data', () => mx.array(new Float32Array(0), HUGE)],
    ['an array of a list', () => mx.array([], HUGE)],
    ['zeros', () => mx.zeros(HUGE)],
    ['a broadcast', () => mx.broadcastTo(mx.zeros([1]), HUGE)],
    ['2^62 elements of 4 bytes', () => mx.zeros([2 ** 31 - 1, 2 ** 31 - 1, 2])],
    ['random bits', () => mx.random.bits(HUGE)],
    [
      'an outer product',
      () => mx.outer(mx.broadcastTo(1, [2 ** 31 - 1]), mx.broadcastTo(1, [2 ** 31 - 1, 4])),
    ],
  ])('rejects %s with more elements than an array can have', (_, make) => {
    expect(() => mx.tidy(() => void make())).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(INVALID_ARGUMENT|MLX_ERROR)$/) }),
    );
  });

  test('a slice of a view larger than memory is an error on reading, not a crash', () => {
    mx.tidy(() => {
      const x = mx.add(mx.zeros([2 ** 20, 2 ** 20]), 1);
      expect(() => {
        mx.eval(x);
      }).toThrow(expect.objectContaining({ code: 'OUT_OF_MEMORY' }));
      expect(() => x.toTypedArray()).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
      expect(mx.add(1, 2).item()).toBe(3);
    });
  });

  test('rejects quantized weights and scales of one axis, for which MLX would read before their shapes', () => {
    mx.tidy(() => {
      const [x, flat] = [mx.ones([1, 64]), mx.zeros([8], 'uint32')];
      const [packed, scales] = [mx.zeros([1, 8], 'uint32'), mx.ones([1, 1])];
      const refused = expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/two axes or more/) as unknown,
      });
      expect(() => mx.quantizedMatmul(x, flat, scales, scales, true, 64, 4)).toThrow(refused);
      expect(() => mx.quantizedMatmul(x, packed, mx.ones([1]), mx.ones([1]), true, 64, 4)).toThrow(refused);
      expect(() => mx.dequantize(flat, mx.ones([1]), mx.ones([1]), 64, 4)).toThrow(refused);
      expect(() => mx.gatherQmm(x, flat, scales, scales)).toThrow(refused);
      expect(mx.quantizedMatmul(x, packed, scales, scales, true, 64, 4).shape).toEqual([1, 1]);
    });
  });

  test('rejects a number of heads whose double overflows', () => {
    mx.tidy(() => {
      expect(() => mx.cpu.crossAttentionCache(mx.ones([1, 2, 64]), 2 ** 30)).toThrow(/keys and values/);
    });
  });

  test('a buffer larger than JavaScript supports is an error', () => {
    mx.tidy(() => {
      const x = mx.broadcastTo(mx.array(1), [2 ** 20, 2 ** 12]);
      expect(() => x.toTypedArray()).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(INVALID_ARGUMENT|OUT_OF_MEMORY)$/) }),
      );
    });
  });

  test('rejects a view with strides whose products overflow', () => {
    mx.tidy(() => {
      const x = mx.arange(8);
      for (const strides of [
        [2 ** 53, 1],
        [-(2 ** 53), 1],
        [2 ** 43, 2 ** 43],
      ]) {
        expect(() => mx.asStrided(x, [2 ** 21, 2 ** 21], strides)).toThrow(/outside/);
      }
    });
  });
});

describe('shared memory', () => {
  test('releases a buffer whose shape was rejected', () => {
    const script = `
      import { mx } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../native/index.js'))};
      const buffers = [];
      const attempt = (shape) => {
        const data = new Float32Array(1 << 16);
        buffers.push(new WeakRef(data.buffer));
        try { return mx.asarray(data, shape); } catch (error) { return error.code; }
      };
      const codes = new Set();
      for (let i = 0; i < 30; i++) codes.add(attempt([3]));
      for (let i = 0; i < 4; i++) { gc(); await new Promise((resolve) => setImmediate(resolve)); }
      console.log(JSON.stringify({ codes: [...codes], alive: buffers.filter((ref) => ref.deref()).length }));`;
    expect(inProcess(['--expose-gc', '--input-type=module', '-e', script])).toEqual({
      codes: ['INVALID_ARGUMENT'],
      alive: 0,
    });
  });
});

describe('numbers out of range of an integer dtype', () => {
  test.each<[string, () => MxArray]>([
    ['300 in uint8', () => mx.array([300], null, 'uint8')],
    ['-1 in uint32', () => mx.array([-1], null, 'uint32')],
    ['128 in int8', () => mx.array([128], null, 'int8')],
    ['2^31 in int32', () => mx.array([2 ** 31], null, 'int32')],
    ['2^63 in int64', () => mx.array([2 ** 63], null, 'int64')],
    ['-1n in uint64', () => mx.array([-1n], null, 'uint64')],
    ['Infinity in uint8', () => mx.array([Infinity], null, 'uint8')],
    ['-Infinity in int64', () => mx.array([-Infinity], null, 'int64')],
    ['NaN in int32', () => mx.array([NaN], null, 'int32')],
    ['NaN in bool', () => mx.array([NaN], null, 'bool')],
    ['full of Infinity', () => mx.full([2], Infinity, 'int32')],
    ['full of 300', () => mx.full([2], 300, 'uint8')],
    ['a scalar operand of an array', () => mx.add(mx.array([1], null, 'uint8'), 300)],
  ])('rejects %s', (_, make) => {
    expect(() => mx.tidy(() => void make())).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/can't hold/) }),
    );
  });

  test.each<['uint8' | 'int8' | 'uint16' | 'int16' | 'int32' | 'uint32', number, number]>([
    ['uint8', 0, 255],
    ['int8', -128, 127],
    ['uint16', 0, 65_535],
    ['int16', -32_768, 32_767],
    ['int32', -(2 ** 31), 2 ** 31 - 1],
    ['uint32', 0, 2 ** 32 - 1],
  ])('%s holds %d and %d', (dtype, low, high) => {
    using x = mx.array([low, high], null, dtype);
    expect(x.tolist()).toEqual([low, high]);
  });

  test('64-bit dtypes hold the limits of their range as bigints', () => {
    using x = mx.array([-(2n ** 63n), 2n ** 63n - 1n], null, 'int64');
    expect(x.tolist()).toEqual([-(2n ** 63n), 2n ** 63n - 1n]);
  });
});

describe('indices out of range', () => {
  const OUTSIDE: [string, (x: MxArray, at: MxArray) => MxArray][] = [
    ['take', (x, at) => mx.take(x, at, 0)],
    ['take of all elements', (x, at) => mx.take(x, at)],
    ['takeAlongAxis', (x, at) => mx.takeAlongAxis(x, at, 0)],
    ['putAlongAxis', (x, at) => mx.putAlongAxis(x, at, 1, 0)],
    ['scatterAddAxis', (x, at) => mx.scatterAddAxis(x, at, 1, 0)],
    ['gather', (x, at) => mx.gather(x, [at], [0], [1])],
    ['scatter', (x, at) => mx.scatter(x, [at], mx.ones([1, 1]), [0])],
    ['slice', (x, at) => mx.slice(x, at, [0], [2])],
    ['sliceUpdate', (x, at) => mx.sliceUpdate(x, mx.ones([2]), at, [0])],
  ];
  const known = (value: number): MxArray => mx.array(Int32Array.of(value));
  const computed = (value: number): MxArray => mx.subtract(known(value), mx.array(Int32Array.of(0)));

  test.each(OUTSIDE)('%s rejects known values', (_, op) => {
    for (const value of [4, 1e9, -5, -(2 ** 31)]) {
      expect(() => mx.tidy(() => void op(mx.zeros([4]), known(value)))).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/out of range/) }),
      );
    }
  });

  test.each(OUTSIDE)('%s clamps values that are computed later', (_, op) => {
    const x = mx.array([10, 11, 12, 13]);
    mx.tidy(() => {
      for (const value of [4, 1e9, -5, -(2 ** 31)]) op(x, computed(value)).tolist();
    });
    expect(x.tolist()).toEqual([10, 11, 12, 13]);
    x.dispose();
  });

  test('an index computed later selects the nearest element', () => {
    mx.tidy(() => {
      const x = mx.array([10, 11, 12, 13]);
      expect([1e9, -(2 ** 31), 3, -4, -1].map((value) => mx.take(x, computed(value), 0).item())).toEqual([
        13, 10, 13, 10, 13,
      ]);
    });
  });

  test('valid indices work from both ends and in every dtype', () => {
    mx.tidy(() => {
      const x = mx.arange(300);
      for (const make of [known, computed]) {
        expect([0, 299, -1, -300].map((value) => mx.take(x, make(value), 0).item())).toEqual([
          0, 299, 299, 0,
        ]);
      }
      const bytes = mx.add(mx.array(Uint8Array.of(0, 255)), mx.array(Uint8Array.of(0, 0)));
      expect(mx.take(x, bytes, 0).tolist()).toEqual([0, 255]);
      expect(mx.gather(x, [computed(-2)], [0], [2]).tolist()).toEqual([[298, 299]]);
    });
  });

  test('a shapeless compiled function indexes longer arrays too', () => {
    const f = mx.compile((x: MxArray, at: MxArray) => mx.takeAlongAxis(x, at, 0), { shapeless: true });
    mx.tidy(() => {
      f(mx.arange(4), known(3)).item();
      expect(f(mx.arange(40), known(39)).item()).toBe(39);
    });
    f.dispose();
  });
});

describe('integer division that traps on some processors', () => {
  test.each([
    ['int32', -(2 ** 31)],
    ['int64', -(2n ** 63n)],
  ] as const)('by 0 and by -1 is defined: %s', (dtype, minValue) => {
    mx.tidy(() => {
      const a = mx.array([7, -7, 5, 5], null, dtype);
      const b = mx.array([0, -1, 2, -1], null, dtype);
      const numbers = (x: MxArray): number[] => x.tolist<(number | bigint)[]>().map(Number);
      expect(numbers(mx.floorDivide(a, b))).toEqual([0, 7, 2, -5]);
      expect(numbers(mx.remainder(a, b))).toEqual([7, 0, 1, 0]);
      const [quotient, rest] = mx.divmod(a, b);
      expect([numbers(quotient), numbers(rest)]).toEqual([
        [0, 7, 2, -5],
        [7, 0, 1, 0],
      ]);
      expect(mx.floorDivide(mx.array([minValue], null, dtype), mx.array([-1], null, dtype)).tolist()).toEqual(
        [minValue],
      );
    });
  });
});
