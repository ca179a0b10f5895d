/** `mx.ready`: event-based waiting in the main thread and in workers, and at their exit. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { mx, type MxArray, type Stream } from '#native/index.js';

const index = pathToFileURL(
  path.join(path.dirname(fileURLToPath(import.meta.url)), '../../native/index.js'),
).href;

let before = 0;
beforeEach(() => {
  before = mx.liveArrays();
});
afterEach(() => {
  expect(mx.liveArrays()).toBe(before);
});

/** Tens of milliseconds of sequential work. */
function longWork(stream?: Stream): MxArray {
  const on = stream === undefined ? {} : { stream };
  return mx.tidy(() => {
    let x = mx.random.normal([400_000], { ...on });
    for (let i = 0; i < 4; i++) x = mx.sort(mx.negative(x, on), -1, on);
    return x;
  });
}

/** Runs a module in a separate process. @returns how it ended */
function runAlone(body: string): { status: number | null; signal: string | null; stdout: string } {
  const source = `import { mx } from ${JSON.stringify(index)};
    const work = () => mx.tidy(() => {
      let x = mx.random.normal([400_000]);
      for (let i = 0; i < 4; i++) x = mx.sort(mx.negative(x));
      return x;
    });
    ${body}`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, signal, stdout };
}

test('resolves many concurrent waits, each when its own array can be read', async () => {
  const arrays = Array.from({ length: 100 }, (_, i) => mx.tidy(() => mx.multiply(mx.ones([10]), i)));
  await Promise.all(
    arrays.map(async (array, i) => {
      await mx.ready(array);
      expect(mx.isAvailable(array)).toBe(true);
      expect(mx.tidy(() => mx.sum(array).item())).toBe(10 * i);
    }),
  );
  mx.dispose(arrays);
});

test('long work on one stream does not delay short work on another', async () => {
  const stream = mx.newStream('cpu');
  const long = longWork(stream);
  const short = mx.tidy(() => mx.add(1, 2));
  const order: string[] = [];
  await Promise.all([
    mx.ready(long).then(() => order.push('long')),
    mx.ready(short).then(() => order.push('short')),
  ]);
  expect(order).toEqual(['short', 'long']);
  mx.dispose(long, short);
});

test('an array may be disposed during a wait', async () => {
  const array = longWork();
  const done = mx.ready(array);
  array.dispose();
  await done;
});

test('rejects a failed computation with an error code and computes the next one', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sotto-'));
  const file = path.join(folder, 'x.safetensors');
  mx.tidy(() => mx.saveSafetensors(file, { x: mx.ones([100_000]) }));
  const { arrays } = mx.loadSafetensors(file);
  truncateSync(file, 1000); // after the header
  const result = mx.tidy(() => Object.values(arrays).map((x) => mx.add(x, 1)));
  await expect(mx.ready(...result)).rejects.toMatchObject({ code: 'MLX_ERROR' });
  using next = mx.tidy(() => mx.add(mx.ones([2]), 1));
  await mx.ready(next);
  expect(next.tolist()).toEqual([2, 2]);
  mx.dispose(arrays, result);
  rmSync(folder, { recursive: true });
});

test('rejects an array that is not queued', () => {
  using x = mx.tidy(() => mx.add(mx.ones([2]), 1));
  expect(() => mx.whenAvailable(x)).toThrow('the array is not queued');
});

test('a wait keeps the process alive exactly until it ends', () => {
  const alone = runAlone(`const x = work(); await mx.ready(x); console.log('done', mx.isAvailable(x));`);
  expect(alone).toEqual({ status: 0, signal: null, stdout: 'done true\n' });
});

test('a process may exit during a wait', () => {
  const alone = runAlone(`void mx.ready(work()); setImmediate(() => process.exit(7));`);
  expect(alone).toEqual({ status: 7, signal: null, stdout: '' });
});

test('a worker waits independently and may be terminated during a wait', async () => {
  const body = `
    import { parentPort } from 'node:worker_threads';
    import { mx } from ${JSON.stringify(index)};
    const x = mx.random.normal([400_000]);
    const y = mx.sort(x);
    await mx.ready(y);
    parentPort.postMessage(mx.isAvailable(y));
    for (;;) await mx.ready(mx.sort(mx.negative(x)));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(body)}`));
  const message = await new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  expect(message).toBe(true);
  await worker.terminate();
});
