/** Who frees an array, and when. */
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

const made = (): number => mx.liveArrays() - before;

describe('tidy', () => {
  test('frees what was made inside and keeps what is returned', () => {
    const y = mx.tidy(() => {
      const x = mx.multiply(mx.ones([2]), 2);
      return mx.add(x, 1);
    });
    expect([y.tolist(), made()]).toEqual([[3, 3], 1]);
    y.dispose();
  });

  test('finds the returned arrays in objects, lists, Maps and Sets, and each once', () => {
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
    expect(made()).toBe(5);
    mx.dispose(result, x);
  });

  test('leaves arrays made outside alone, also when they are returned', () => {
    const x = mx.ones([2]);
    const same = mx.tidy(() => x);
    expect(same).toBe(x);
    expect(x.disposed).toBe(false);
    mx.tidy(() => mx.add(x, 1) && 1);
    expect(made()).toBe(1);
    x.dispose();
  });

  test('hands what an inner scope returns to the outer one', () => {
    const y = mx.tidy(() => {
      const inner = mx.tidy(() => mx.ones([2]));
      const unreturned = mx.tidy(() => mx.ones([3]));
      expect(unreturned.disposed).toBe(false);
      return mx.add(inner, 1);
    });
    expect(made()).toBe(1);
    y.dispose();
  });

  test('frees everything when the function throws, at every depth', () => {
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
    expect(made()).toBe(0);
  });

  test('refuses a promise, and frees what was made until then', () => {
    expect(() => mx.tidy(async () => Promise.resolve(mx.ones([1])))).toThrow(/must be synchronous/);
    expect(made()).toBe(0);
  });

  test('keeps what is kept, at any depth, until it is disposed', () => {
    const cache: { k?: MxArray } = {};
    mx.tidy(() => {
      mx.tidy(() => {
        cache.k = mx.keep(mx.ones([2]));
      });
      mx.ones([1]);
    });
    expect([cache.k?.tolist(), made()]).toEqual([[1, 1], 1]);
    mx.dispose(cache);
  });

  test('does not mind arrays that were disposed inside', () => {
    const y = mx.tidy(() => {
      const x = mx.ones([2]);
      const z = mx.add(x, 1);
      x.dispose();
      return { x, z };
    });
    expect(made()).toBe(1);
    mx.dispose(y);
  });
});

test('dispose frees whole trees, twice without harm, and `using` frees at the end of a block', () => {
  const tree = { a: mx.ones([1]), list: [mx.ones([1])] };
  mx.dispose(tree);
  mx.dispose(tree, tree);
  {
    using x = mx.ones([1]);
    expect(x.disposed).toBe(false);
  }
  expect(made()).toBe(0);
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

test('the figures and limits of memory can be read and set', () => {
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
  expect(() => mx.memory.setCacheLimit(-1)).toThrow(/not negative/);
});

/** Runs a script in a process of its own, with gc() at hand. @returns what it prints as JSON */
function inProcess(body: string): unknown {
  const index = path.resolve(import.meta.dirname, '../../native/index.js');
  const script = `
    import { mx } from ${JSON.stringify(index)};
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const collect = async () => { for (let i = 0; i < 4; i++) { gc(); await turn(); } };
    ${body}`;
  const args = ['--expose-gc', '--input-type=module', '-e', script];
  const env = { ...process.env, MALLOC_PERTURB_: '165' }; // freed memory is overwritten: what still looks at it shows
  const run = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 100_000, env });
  if (run.status !== 0) throw new Error(`exit ${run.status} ${run.signal}: ${run.stderr}`);
  return JSON.parse(run.stdout) as unknown;
}

test('arrays that nobody disposes are freed when they are collected', () => {
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

test('V8 hears of the memory behind arrays, so that forgotten ones do not pile up', () => {
  // 200 arrays of 16 MB: 3.2 GB, if nothing told V8 to collect.
  const { peak } = inProcess(`
    for (let i = 0; i < 200; i++) { mx.eval(mx.full([4 << 20], i)); await turn(); }
    console.log(JSON.stringify({ peak: mx.memory.peak() }));`) as { peak: number };
  expect(peak).toBeLessThan(2 ** 31);
});

test('a hundred thousand ops in tidy scopes leave no array and no memory behind', () => {
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

// A product that was under way when OpenBLAS's buffers went away used to crash one exit in six.
test.each([
  ['by itself', ''],
  ['by process.exit', 'process.exit(0);'],
])(
  'a process ends cleanly %s, with arrays alive, products under way and compiled functions about',
  (_, exit) => {
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
  },
);

// MLX's allocator used to be destroyed while the queue still freed memory into it: one exit in four.
test('a process ends cleanly while much that is queued takes and frees memory', () => {
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
