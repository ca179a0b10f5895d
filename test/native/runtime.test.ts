/** Evaluation, streams, threads, files. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { mx } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

describe('evaluation', () => {
  test('an array is available after eval only', () => {
    using x = mx.tidy(() => mx.add(mx.ones([2]), 1));
    expect(mx.isAvailable(x)).toBe(false);
    mx.eval({ tree: [x] });
    expect(mx.isAvailable(x)).toBe(true);
  });

  test('ready does not block the event loop', async () => {
    const y = mx.tidy(() => {
      let x = mx.ones([900, 900]);
      for (let i = 0; i < 12; i++) x = mx.multiply(mx.matmul(x, x), 1e-3);
      return x;
    });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const done = mx.ready(y);
    expect(mx.isAvailable(y)).toBe(false);
    await done;
    clearInterval(timer);
    expect(mx.isAvailable(y)).toBe(true);
    expect(ticks).toBeGreaterThan(0);
    y.dispose();
  });

  test('ready resolves for no arrays and for available ones', async () => {
    using x = mx.ones([1]);
    mx.eval(x);
    await mx.ready();
    await mx.ready(x, x);
  });

  test('an unreadable file is an error on evaluation, not a crash', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sotto-'));
    const file = path.join(folder, 'x.safetensors');
    mx.tidy(() => mx.saveSafetensors(file, { x: mx.ones([1000]) }));
    const { arrays } = mx.loadSafetensors(file);
    writeFileSync(file, 'short'); // truncated after the header
    expect(() => mx.eval(arrays)).toThrow();
    mx.dispose(arrays);
    rmSync(folder, { recursive: true });
  });
});

describe('devices and streams', () => {
  test('the CPU is available', () => {
    expect(mx.deviceAvailable('cpu')).toBe(true);
    expect(mx.deviceCount('cpu')).toBe(1);
    expect(Object.keys(mx.deviceInfo('cpu')).length).toBeGreaterThan(0);
  });

  testUnless(mx.deviceAvailable('gpu') ? 'this machine has a GPU' : undefined)(
    'rejects a missing GPU',
    () => {
      expect(() => mx.setDefaultDevice('gpu')).toThrow(/no GPU/);
    },
  );

  test('an op runs on the given stream, and another stream can use its result', () => {
    const stream = mx.newStream('cpu');
    using x = mx.add(1, 2, { stream });
    using y = mx.multiply(x, 2);
    mx.synchronize(stream);
    expect([x.item(), y.item()]).toEqual([3, 6]);
    expect(stream).toEqual({ device: 'cpu', index: stream.index });
  });

  test('withStream changes the default and restores it, also after an error', () => {
    const device = mx.defaultDevice();
    const stream = mx.newStream('cpu');
    const previous = mx.defaultStream('cpu');
    mx.withStream(stream, () => {
      expect(mx.defaultStream('cpu')).toEqual(stream);
    });
    expect(() =>
      mx.withStream('cpu', () => {
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect([mx.defaultDevice(), mx.defaultStream('cpu')]).toEqual([device, previous]);
  });
});

test('random numbers depend on the key or the thread’s seed', () => {
  const next = (): number[] => mx.tidy(() => mx.random.normal([4]).tolist<number[]>());
  mx.random.seed(3);
  const first = next();
  const second = next();
  mx.random.seed(3);
  expect([next(), next()]).toEqual([first, second]);
  expect(first).not.toEqual(second);
  using key = mx.random.key(1);
  using logits = mx.zeros([50]);
  const pick = (): number => mx.tidy(() => mx.random.categorical(logits, -1, { key }).item());
  expect(pick()).toBe(pick());
});

describe('files', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sotto-'));
  afterEach(() => {
    rmSync(path.join(folder, 'weights.safetensors'), { force: true });
  });

  test('safetensors keep names, dtypes, values and metadata', () => {
    const file = path.join(folder, 'weights.safetensors');
    const arrays = {
      'b.weight': mx.array(
        [
          [1, 2],
          [3, 4],
        ],
        null,
        'bfloat16',
      ),
      a: mx.arange(3),
      __proto__x: mx.ones([1]),
      empty: mx.zeros([0, 2]),
    };
    mx.saveSafetensors(file, arrays, { format: 'mlx', note: 'ü' });
    const loaded = mx.loadSafetensors(file);
    expect(loaded.metadata).toEqual({ format: 'mlx', note: 'ü' });
    expect(Object.keys(loaded.arrays)).toEqual(['__proto__x', 'a', 'b.weight', 'empty']);
    expect(loaded.arrays['b.weight']?.dtype).toBe('bfloat16');
    expect(loaded.arrays['b.weight']?.tolist()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    mx.dispose(arrays, loaded);
  });

  test('a tensor named __proto__ is an ordinary tensor', () => {
    const file = path.join(folder, 'weights.safetensors');
    const evil = Object.fromEntries([['__proto__', mx.ones([2])]]);
    expect(Object.keys(evil)).toEqual(['__proto__']);
    mx.saveSafetensors(file, evil);
    const { arrays } = mx.loadSafetensors(file);
    expect(Object.keys(arrays)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(arrays)).toBe(Object.getPrototypeOf(mx.memory));
    mx.dispose(Object.values(arrays), Object.values(evil));
  });

  test('npy files keep an array', () => {
    const file = path.join(folder, 'x.npy');
    using x = mx.array([[1, 2, 3]]);
    mx.save(file, x);
    using y = mx.load(file);
    expect([y.dtype, y.tolist()]).toEqual(['float32', [[1, 2, 3]]]);
  });

  test('errors name a missing file and a wrong extension', () => {
    expect(() => mx.loadSafetensors(path.join(folder, 'none.safetensors'))).toThrow(/none\.safetensors/);
    expect(() => mx.saveSafetensors(path.join(folder, 'x.bin'), {})).toThrow(/must end in \.safetensors/);
  });
});

test('threads have separate arrays and end without affecting each other', async () => {
  using x = mx.array([1, 2, 3]);
  const index = pathToFileURL(path.resolve(import.meta.dirname, '../../native/index.js')).href;
  const body = `
    import { parentPort } from 'node:worker_threads';
    import { mx } from ${JSON.stringify(index)};
    const start = mx.liveArrays();
    const f = mx.compile((a) => mx.exp(mx.add(a, 1)));
    const y = mx.ones([256, 256]);
    for (let i = 0; i < 50; i++) mx.tidy(() => mx.eval(mx.matmul(y, y), f(y)));
    mx.asyncEval(mx.matmul(y, y));
    parentPort.postMessage({ start, live: mx.liveArrays(), sum: mx.sum(y).item() });`;
  const results = await Promise.all(
    [1, 2, 3].map(
      () =>
        new Promise<unknown>((resolve, reject) => {
          const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(body)}`));
          let result: unknown;
          worker.on('message', (message: unknown) => {
            result = message;
          });
          worker.on('error', reject);
          worker.on('exit', () => {
            resolve(result);
          });
        }),
    ),
  );
  for (const result of results) expect(result).toEqual({ start: 0, live: 2, sum: 65536 });
  using y = mx.add(x, 1);
  expect(y.tolist()).toEqual([2, 3, 4]);
});
