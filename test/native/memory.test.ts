/** When arrays are freed: scopes, `dispose`, garbage collection, process exit. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { mx, type MxArray } from '#native/index.js';

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

const createdCount = (): number => mx.liveArrays() - before;

describe('tidy', () => {
  test('frees arrays created inside and keeps the returned ones', () => {
    const y = mx.tidy(() => {
      const x = mx.multiply(mx.ones([2]), 2);
      return mx.add(x, 1);
    });
    expect([y.tolist(), createdCount()]).toEqual([[3, 3], 1]);
    y.dispose();
  });

  test('finds returned arrays in objects, lists, Maps and Sets, each once', () => {
    const x = mx.tidy(() => mx.ones([1]));
    const cyclic: Record<string, unknown> = {};
    const result = mx.tidy(() => {
      const a = mx.ones([1]);
      cyclic['self'] = cyclic;
      cyclic['array'] = mx.ones([1]);
      mx.ones([9]);
      return {
        a: [a, { again: a }],
        map: new Map([['k', mx.ones([1])]]),
        set: new Set([mx.ones([1])]),
        x,
        cyclic,
        no: null,
      };
    });
    expect(createdCount()).toBe(5);
    mx.dispose(result, x);
  });

  test('keeps arrays created outside, returned or not', () => {
    const x = mx.ones([2]);
    const same = mx.tidy(() => x);
    expect(same).toBe(x);
    expect(x.disposed).toBe(false);
    mx.tidy(() => mx.add(x, 1) && 1);
    expect(createdCount()).toBe(1);
    x.dispose();
  });

  test('moves the result of an inner scope to the outer one', () => {
    const y = mx.tidy(() => {
      const inner = mx.tidy(() => mx.ones([2]));
      const unreturned = mx.tidy(() => mx.ones([3]));
      expect(unreturned.disposed).toBe(false);
      return mx.add(inner, 1);
    });
    expect(createdCount()).toBe(1);
    y.dispose();
  });

  test('frees everything if the function throws, at every depth', () => {
    expect(() =>
      mx.tidy(() => {
        mx.ones([1]);
        mx.tidy(() => {
          mx.ones([1]);
          throw new Error('mine');
        });
      }),
    ).toThrow('mine');
    expect(() => mx.tidy(() => mx.matmul(mx.ones([2, 3]), mx.ones([2, 3])))).toThrow(/matmul/);
    expect(createdCount()).toBe(0);
  });

  test('rejects a promise and frees the arrays created so far', () => {
    expect(() => mx.tidy(async () => Promise.resolve(mx.ones([1])))).toThrow(/must be synchronous/);
    expect(createdCount()).toBe(0);
  });

  test('preserves kept arrays at any depth until they are disposed', () => {
    const cache: { k?: MxArray } = {};
    mx.tidy(() => {
      mx.tidy(() => {
        cache.k = mx.keep(mx.ones([2]));
      });
      mx.ones([1]);
    });
    expect([cache.k?.tolist(), createdCount()]).toEqual([[1, 1], 1]);
    mx.dispose(cache);
  });

  test('accepts arrays that are disposed inside', () => {
    const y = mx.tidy(() => {
      const x = mx.ones([2]);
      const z = mx.add(x, 1);
      x.dispose();
      return { x, z };
    });
    expect(createdCount()).toBe(1);
    mx.dispose(y);
  });
});

test('dispose frees trees and may be repeated; `using` frees at the end of a block', () => {
  const tree = { a: mx.ones([1]), list: [mx.ones([1])] };
  mx.dispose(tree);
  mx.dispose(tree, tree);
  {
    using x = mx.ones([1]);
    expect(x.disposed).toBe(false);
  }
  expect(createdCount()).toBe(0);
});

test('MLX frees the memory when the last array that needs it is disposed', () => {
  const megabytes = 64;
  const start = mx.memory.active();
  const x = mx.zeros([megabytes, 1 << 18]);
  const row = mx.tidy(() => mx.slice(x, [0, 0], [1, 1 << 18]));
  mx.eval(x, row);
  expect(mx.memory.active() - start).toBeGreaterThanOrEqual(megabytes << 20);
  x.dispose();
  expect(mx.memory.active() - start).toBeGreaterThanOrEqual(megabytes << 20); // the row is a view of it
  row.dispose();
  expect(mx.memory.active() - start).toBeLessThan(1 << 20);
});

test('memory statistics can be read and limits set', () => {
  const previous = mx.memory.setCacheLimit(1 << 20);
  mx.tidy(() => mx.eval(mx.ones([1 << 20])));
  expect(mx.memory.cache()).toBeLessThanOrEqual(4 << 20);
  expect(mx.memory.setCacheLimit(previous)).toBe(1 << 20);
  mx.memory.clearCache();
  expect(mx.memory.cache()).toBe(0);
  mx.memory.resetPeak();
  mx.tidy(() => mx.eval(mx.add(mx.ones([1 << 20]), 1)));
  expect(mx.memory.peak()).toBeGreaterThanOrEqual(4 << 20);
  expect(mx.memory.limit()).toBeGreaterThan(0);
  expect(() => mx.memory.setCacheLimit(-1)).toThrow(/must not be negative/);
});

/** Runs a script in a separate process with gc(). @returns the JSON that it prints */
function inProcess(body: string): unknown {
  const index = path.resolve(import.meta.dirname, '../../native/index.js');
  const script = `
    import { mx } from ${JSON.stringify(index)};
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const collect = async () => { for (let i = 0; i < 4; i++) { gc(); await turn(); } };
    ${body}`;
  const args = ['--expose-gc', '--input-type=module', '-e', script];
  const env = { ...process.env, MALLOC_PERTURB_: '165' }; // overwrites freed memory, so that a use after free shows
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000, env });
  if (run.status !== 0) throw new Error(`exit ${run.status} ${run.signal}: ${run.stderr}`);
  return JSON.parse(run.stdout) as unknown;
}

test('undisposed arrays are freed when collected', () => {
  const result = inProcess(`
    (() => { for (let i = 0; i < 1000; i++) mx.ones([i]); })();
    const forgotten = mx.liveArrays();
    await collect();
    console.log(JSON.stringify({ forgotten, after: mx.liveArrays() }));`) as {
    forgotten: number;
    after: number;
  };
  expect(result.forgotten).toBeGreaterThan(100);
  expect(result.after).toBeLessThan(10);
});

test('V8 is told of the arrays’ memory, so that undisposed arrays are collected', () => {
  // 200 arrays of 16 MB: 3.2 GB, unless V8 is told to collect.
  const { peak } = inProcess(`
    for (let i = 0; i < 200; i++) { mx.eval(mx.full([4 << 20], i)); await turn(); }
    console.log(JSON.stringify({ peak: mx.memory.peak() }));`) as { peak: number };
  expect(peak).toBeLessThan(2 ** 31);
});

test('a hundred thousand ops in tidy scopes leak no array and no memory', () => {
  const { live, growth } = inProcess(`
    const x = mx.ones([64, 64]);
    const step = () => mx.tidy(() => mx.eval(mx.softmax(mx.add(mx.matmul(x, x), 1), -1, { precise: true })));
    for (let i = 0; i < 3000; i++) step();
    await collect();
    const rss = process.memoryUsage().rss;
    for (let i = 0; i < 25_000; i++) step();
    await collect();
    console.log(JSON.stringify({ live: mx.liveArrays(), growth: process.memoryUsage().rss - rss }));`) as Record<
    string,
    number
  >;
  expect(live).toBe(1);
  expect(growth).toBeLessThan(32 << 20);
});

// Regression: exit crashed one time in six if a product was running when OpenBLAS freed its buffers.
test.each([
  ['by itself', ''],
  ['by process.exit', 'process.exit(0);'],
])('a process ends cleanly %s, with live arrays, running products and compiled functions', (_, exit) => {
  for (let run = 0; run < 6; run++) {
    const result = inProcess(`
      globalThis.kept = [mx.ones([10]), mx.ones([1000, 1000]).data(), mx.compile((a) => mx.exp(a))];
      kept[2](kept[0]);
      mx.asyncEval(mx.matmul(mx.ones([800, 800]), mx.ones([800, 800])));
      mx.scopeOpen();
      mx.ones([3]);
      console.log(JSON.stringify('done'));
      ${exit}`);
    expect(result).toBe('done');
  }
});

// Regression: one exit in four destroyed MLX's allocator while the queue still freed memory into it.
test('a process ends cleanly while queued work allocates and frees memory', () => {
  for (let run = 0; run < 8; run++) {
    const result = inProcess(`
      for (let i = 1; i < 200; i++) mx.tidy(() => mx.eval(mx.add(mx.zeros([37 * i + 5]), 1))); // many sizes in the cache
      console.log(JSON.stringify('done'));
      for (let k = 0; k < 4; k++) mx.tidy(() => {
        let z = mx.sort(mx.random.normal([700, 700]), 0);
        for (let i = 0; i < 100; i++) {
          const part = mx.slice(z, [0, 0], [3 + 3 * i, 5 + 2 * i]);
          z = mx.add(z, mx.sum(mx.exp(mx.sort(mx.multiply(part, 2), 0))));
        }
        mx.asyncEval(z);
      });
      process.exit(0);`);
    expect(result).toBe('done');
  }
});
