/** Measures the machine's limits: memory reads and float32 products. */
import { Worker } from 'node:worker_threads';
import { mx, type MxArray } from '#native/index.js';

const READ_MEGABYTES = 192; // beyond any cache
const READ_ROUNDS = 12;
/** Products that take a CPU longer than this are timed less often. */
const MAX_TIMING_MS = 1_000;

/** A thread that searches for a byte that is not there: the C library's search reads at the speed of the memory. */
const READER = `
const { parentPort, workerData: { bytes, rounds } } = require('node:worker_threads');
const memory = Buffer.alloc(bytes, 1);
const read = () => { if (memory.indexOf(2) !== -1) throw new Error('found'); };
read();
parentPort.once('message', () => {
  const begin = performance.now();
  for (let i = 0; i < rounds; i++) read();
  parentPort.postMessage({ done: (bytes * rounds) / (performance.now() - begin) / 1e6 });
});
parentPort.postMessage({ ready: true });
`;

/** GB/s that `threads` threads read together. */
export async function readGbPerSecond(threads: number): Promise<number> {
  const workerData = { bytes: READ_MEGABYTES * 2 ** 20, rounds: READ_ROUNDS };
  const workers = Array.from({ length: threads }, () => new Worker(READER, { eval: true, workerData }));
  try {
    await Promise.all(workers.map((worker) => answer(worker)));
    const rates = workers.map((worker) => answer(worker));
    for (const worker of workers) worker.postMessage('start');
    return (await Promise.all(rates)).reduce((total, rate) => total + rate, 0);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function answer(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: { done?: number }) => resolve(message.done ?? 0));
  });
}

export interface Product {
  readonly name: string;
  readonly gflops: number;
}

/**
 * Milliseconds of the fastest of ten runs, or of fewer, at least two, if they take longer than `maxMs` together.
 */
export function quickestMs(make: () => MxArray, maxMs = MAX_TIMING_MS): number {
  let best = Infinity;
  const startMs = performance.now();
  for (let i = 0; i < 10 && (i < 2 || performance.now() - startMs < maxMs); i++) {
    const begin = performance.now();
    const result = mx.tidy(make);
    mx.eval(result);
    best = Math.min(best, performance.now() - begin);
    result.dispose();
  }
  return best;
}

/** In GFLOP/s: x [m, k] times a matrix of n columns. */
function rate(name: string, [m, k, n]: [number, number, number], make: () => MxArray): Product {
  return { name, gflops: (2 * m * k * n) / quickestMs(make, Infinity) / 1e6 };
}

/** Every kind of float32 product, the fastest first: `mx.matmul`, and Sotto's own from CPU-packed weights. */
export function float32Products(): Product[] {
  const shapes: [number, number, number][] = [
    [1500, 512, 2048],
    [1500, 2048, 512],
    [2048, 2048, 2048],
  ];
  const found = shapes.flatMap((shape) => {
    const [m, k, n] = shape;
    const [x, w] = [mx.random.normal([m, k]), mx.random.normal([n, k])];
    mx.eval(x, w);
    const size = `${m} × ${k} × ${n}`;
    const plain = rate(`mx.matmul ${size}`, shape, () => mx.matmul(x, mx.transpose(w)));
    if (!mx.cpu.available()) return [plain];
    const panels = mx.cpu.panels(w);
    mx.eval(panels);
    return [plain, rate(`mx.cpu.linear ${size}`, shape, () => mx.cpu.linear(x, panels, n))];
  });
  return found.toSorted((a, b) => b.gflops - a.gflops);
}
