import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { expectClose, Fixture, values } from './nn-fixtures.js';

const shape = [1, 2, 1, 4] as const; // [B, H, T, D]
const step = (value: number, length = 1, dtype: 'float32' | 'float16' = 'float32'): MxArray =>
  mx.full([1, 2, length, 4], value, dtype);

let live = 0;
beforeEach(() => {
  live = mx.liveArrays();
});

describe('a KV cache', () => {
  test('gives step by step what one full causal pass gives', () => {
    const fixture = new Fixture('attention');
    const layer = new nn.MultiHeadAttention(16, 4, { bias: true }).loadWeights(fixture.weights());
    const kv = fixture.input('kv'); // [2, 6, 16]
    for (const lengths of [[1, 1, 1, 1, 1, 1], [4, 1, 1], [2, 4], [6]]) {
      const cache = new nn.KVCache(9);
      const outputs: MxArray[] = [];
      for (const length of lengths) {
        const [begin, end] = [cache.length, cache.length + length];
        const y = mx.tidy(() => {
          const x = mx.slice(kv, [0, begin, 0], [2, end, 16]);
          return layer.forward(x, x, x, { mask: 'causal', cache });
        });
        mx.eval(y);
        outputs.push(y);
      }
      fixture.expectOutput('self', mx.concatenate(outputs, 1));
      cache.dispose();
    }
  });

  test('returns exactly the appended positions', () => {
    using cache = new nn.KVCache(5);
    cache.update(step(1, 2), step(-1, 2));
    const [keys, heads] = cache.update(step(2), step(-2));
    expect([...keys.shape]).toEqual([1, 2, 3, 4]);
    expectClose(values(mx.slice(keys, [0, 1, 0, 3], [1, 2, 3, 4])), [1, 1, 2], 0);
    expectClose(values(mx.slice(heads, [0, 1, 0, 3], [1, 2, 3, 4])), [-1, -1, -2], 0);
    expect(cache.length).toBe(3);
  });

  test('never returns trimmed or reset positions', () => {
    using cache = new nn.KVCache(4);
    cache.update(step(1, 3), step(1, 3));
    cache.trim(2);
    expect(values(cache.update(step(5), step(5))[0])).toEqual([
      1, 1, 1, 1, 5, 5, 5, 5, 1, 1, 1, 1, 5, 5, 5, 5,
    ]);
    cache.reset();
    expect(cache.length).toBe(0);
    expect(values(cache.update(step(7), step(7))[0])).toEqual(new Array(8).fill(7));
  });

  test('keeps the values of an earlier view when later steps are written', () => {
    using cache = new nn.KVCache(4);
    const [early] = cache.update(step(1), step(1));
    mx.eval(early);
    cache.trim(1);
    const [late] = cache.update(step(2), step(2));
    mx.eval(late);
    expect(values(early)).toEqual(new Array(8).fill(1));
    expect(values(late)).toEqual(new Array(8).fill(2));
  });

  test('rejects more positions than its capacity and stays usable', () => {
    using cache = new nn.KVCache(3);
    cache.update(step(1, 2), step(1, 2));
    expect(() => cache.update(step(2, 2), step(2, 2))).toThrow('2 + 2 positions exceed the capacity of 3');
    expect(values(cache.update(step(3), step(3))[0]).slice(0, 12)).toEqual([
      1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3,
    ]);
  });

  test('rejects keys of another shape or dtype until it is reset', () => {
    using cache = new nn.KVCache(4);
    cache.update(step(1), step(1));
    const batch = mx.zeros([2, 2, 1, 4]);
    expect(() => cache.update(batch, batch)).toThrow('keys float32[2, 2, 1, 4] do not fit');
    expect(() => cache.update(step(1, 1, 'float16'), step(1, 1, 'float16'))).toThrow('float16');
    expect(() => cache.update(step(1), step(1, 2))).toThrow('1 keys but 2 values');
    expect(() => cache.update(step(1), mx.zeros([1, 2, 1, 5]))).toThrow('values');
    expect(() => cache.update(mx.zeros([2, 1, 4]), mx.zeros([2, 1, 4]))).toThrow('[B, H, T, D]');
    expect(cache.length).toBe(1);
    cache.reset();
    expect([...cache.update(batch, batch)[0].shape]).toEqual([2, 2, 1, 4]);
  });

  test('accepts keys and values of different widths', () => {
    using cache = new nn.KVCache(4);
    const [, heads] = cache.update(step(1), mx.zeros([1, 2, 1, 6]));
    expect([...heads.shape]).toEqual([1, 2, 1, 6]);
  });

  test.each([0, -1, 1.5, Number.NaN])('rejects a capacity of %d', (capacity) => {
    expect(() => new nn.KVCache(capacity)).toThrow(RangeError);
  });

  test.each([-1, 0.5, 2])('rejects trimming %d of 1 position', (count) => {
    using cache = new nn.KVCache(4);
    cache.update(step(1), step(1));
    expect(() => cache.trim(count)).toThrow(RangeError);
  });
});

describe('memory of a KV cache', () => {
  const steps = 200;
  afterEach(() => mx.memory.clearCache());

  test('has two live arrays after any number of steps, none after dispose', () => {
    const cache = new nn.KVCache(steps);
    for (let index = 0; index < steps; index += 1) {
      mx.tidy(() => void cache.update(step(index), step(index)));
      mx.eval(...cache.arrays);
      expect(mx.liveArrays() - live).toBe(2);
    }
    cache.dispose();
    expect(mx.liveArrays()).toBe(live);
    cache.dispose();
  });

  test('stays usable and leaks nothing if the scope throws', () => {
    const cache = new nn.KVCache(4);
    expect(() =>
      mx.tidy(() => {
        cache.update(step(1), step(1));
        throw new Error('cancelled');
      }),
    ).toThrow('cancelled');
    expect(mx.liveArrays() - live).toBe(2);
    const filled = mx.tidy(() => cache.update(step(2), step(2))[0]);
    expect([...filled.shape]).toEqual([...shape.slice(0, 2), 2, 4]);
    filled.dispose();
    cache.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('writes a step in place without copying the buffers', () => {
    const [heads, capacity, dims] = [8, 1024, 64];
    const bufferBytes = heads * capacity * dims * 4;
    const cache = new nn.KVCache(capacity);
    const write = (added = 1) => {
      const total = mx.tidy(() => {
        const x = mx.ones([1, heads, added, dims]);
        const [k, v] = cache.update(x, x);
        return mx.add(mx.sum(k), mx.sum(v));
      });
      mx.eval(total);
      total.dispose();
    };
    write(capacity - 40); // so that the buffers have their full size
    const active = mx.memory.active();
    mx.memory.resetPeak();
    for (let index = 0; index < 20; index += 1) write();
    expect(mx.memory.peak() - active).toBeLessThan(bufferBytes / 2);
    expect(Math.abs(mx.memory.active() - active)).toBeLessThan(bufferBytes / 100);
    cache.dispose();
    expect(mx.memory.active()).toBeLessThan(active - 2 * bufferBytes + bufferBytes / 100);
  });

  /**
   * `maxGrowth` is relative to the buffer. A step is either copied while the previous one is queued, or
   * written in place.
   */
  const stepsOf = {
    KVCache: (capacity: number) => {
      const cache = new nn.KVCache(capacity);
      const step = (token: MxArray): MxArray => {
        const x = mx.broadcastTo(token, [1, 8, 1, 64]);
        const [k, v] = cache.update(x, x);
        return mx.reshape(mx.add(mx.max(k), mx.max(v)), [1, 1, 1]);
      };
      return { cache, step, maxGrowth: 5 };
    },
    JointCache: (capacity: number) => {
      const cache = new nn.JointCache(capacity);
      const step = (token: MxArray): MxArray => {
        const attended = cache.attend(mx.broadcastTo(token, [1, 1, 3 * 8 * 64]), 8);
        return mx.reshape(mx.max(attended), [1, 1, 1]);
      };
      return { cache, step, maxGrowth: 1.2 };
    },
  };

  test.each(Object.entries(stepsOf))(
    'the memory of a %s does not depend on the capacity while a step is queued',
    (_, make) => {
      const previous = mx.memory.setCacheLimit(0);
      const room = 2 * 8 * 64 * 64 * 4; // bytes of the keys and values of 64 positions
      for (const capacity of [512, 4096]) {
        const { cache, step, maxGrowth } = make(capacity);
        const peak = peakOf(step);
        cache.dispose();
        expect(peak).toBeGreaterThanOrEqual(room);
        expect(peak).toBeLessThan(maxGrowth * room); // 4096 positions would need 64 times as much
      }
      mx.memory.setCacheLimit(previous);
    },
  );

  test('growing keeps all positions, and a short text after a reset gets a smaller buffer', () => {
    using cache = new nn.KVCache(448);
    const all = Array.from({ length: 130 }, (_, index) => index);
    let keys: MxArray | undefined;
    for (const index of all) {
      keys?.dispose();
      keys = mx.tidy(() => cache.update(step(index), step(-index))[0]);
      mx.eval(keys);
    }
    expect(keys && values(mx.slice(keys, [0, 1, 0, 0], [1, 2, 130, 1]))).toEqual(all);
    expect(cache.arrays.map(({ shape }) => shape[2])).toEqual([192, 192]);
    cache.reset();
    mx.tidy(() => mx.eval(...cache.update(step(1), step(1))));
    expect(cache.arrays.map(({ shape }) => shape[2])).toEqual([64, 64]);
  });
});

/** Peak bytes of 50 dependent tokens, each queued before the previous one is read. */
function peakOf(step: (token: MxArray) => MxArray): number {
  const first = mx.ones([1, 1, 1]);
  mx.eval(first);
  const active = mx.memory.active();
  mx.memory.resetPeak();
  let token = first;
  for (let index = 0; index < 50; index += 1) {
    const next = mx.tidy(() => step(token));
    mx.asyncEval(next);
    mx.eval(token);
    token.dispose();
    token = next;
  }
  mx.eval(token);
  const peak = mx.memory.peak() - active;
  token.dispose();
  return peak;
}
