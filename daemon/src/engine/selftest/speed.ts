/** What the machine can do, and how much of it a model uses on a clip. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { openAudio } from '#daemon/audio/decode-file.js';
import { loadModel } from '#daemon/models/registry.js';
import { parseConfig } from '#daemon/models/whisper/config.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SpeedFacts } from '#daemon/protocol/selftest-work.js';
import { KVCache } from '#native/nn/index.js';
import { mx, type MxArray } from '#native/index.js';
import { limitCache } from '../cache-limit.js';
import { float32Products, readGbPerSecond, tokenNumbers } from './roofline.js';

/** Larger than any cache: 256 MiB of float32. */
const READ_NUMBERS = 64 * 2 ** 20;
const ROUND_TRIPS = 200;
const CHAIN_OPS = 2_000;
const QUEUED_STEPS = 50;
/** Positions that cross-attention reads: a window of 30 s. */
const FRAMES = 1_500;

export async function measureSpeed(dir: string, clip: string): Promise<SpeedFacts> {
  limitCache();
  const rate =
    mx.defaultDevice() === 'gpu' ? gpuReadGbPerSecond() : await readGbPerSecond(availableParallelism());
  const gflops = mx.defaultDevice() === 'gpu' ? gpuGflops() : (float32Products()[0]?.gflops ?? 0);
  const micros = hostMicrosPerOp();
  const trips = await roundTrips();
  const copies = cacheCopies();
  const model = await modelSpeed(dir, clip);
  return {
    ...{ readGbPerSecond: rate, gflops, hostMicrosPerOp: micros, cacheCopies: copies },
    ...{ readyP50Ms: at(trips, 0.5), readyP95Ms: at(trips, 0.95) },
    ...model,
    boundTokensPerSecond: (rate * 1e9) / bytesPerToken(dir),
  };
}

/** The quickest of ten sums over an array that no cache holds. */
function gpuReadGbPerSecond(): number {
  const array = mx.zeros([READ_NUMBERS], 'float32');
  mx.eval(array);
  const ms = quickest(() => mx.sum(array));
  array.dispose();
  return (READ_NUMBERS * 4) / ms / 1e6;
}

function gpuGflops(): number {
  const size = 4096;
  const a = mx.astype(mx.random.normal([size, size]), 'float16');
  mx.eval(a);
  const ms = quickest(() => mx.matmul(a, a));
  a.dispose();
  return (2 * size ** 3) / ms / 1e6;
}

function quickest(make: () => MxArray): number {
  let best = Infinity;
  for (let i = 0; i < 10; i++) {
    const begin = performance.now();
    const result = mx.tidy(make);
    mx.eval(result);
    best = Math.min(best, performance.now() - begin);
    result.dispose();
  }
  return best;
}

/** A chain of ops that compute next to nothing, so that what is left is the host. */
function hostMicrosPerOp(): number {
  const one = mx.array([1]);
  const ms = quickest(() => {
    let sum = one;
    for (let i = 0; i < CHAIN_OPS; i++) sum = mx.add(sum, one);
    return sum;
  });
  one.dispose();
  return (ms * 1000) / CHAIN_OPS;
}

async function roundTrips(): Promise<number[]> {
  const one = mx.array([1]);
  mx.eval(one);
  const took: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const begin = performance.now();
    const two = mx.add(one, one);
    await mx.ready(two);
    took.push(performance.now() - begin);
    two.dispose();
  }
  one.dispose();
  return took.sort((a, b) => a - b);
}

/** Peak memory of steps that are queued one ahead, as decoding does, in buffers of the cache. */
function cacheCopies(): number {
  const cache = new KVCache(4_096);
  const step = (): MxArray =>
    mx.tidy(() => {
      const [keys, values] = cache.update(
        mx.ones([1, 8, 1, 64], 'float16'),
        mx.ones([1, 8, 1, 64], 'float16'),
      );
      return mx.add(mx.sum(keys), mx.sum(values));
    });
  let last = step();
  mx.eval(last, ...cache.arrays);
  const [buffer] = cache.arrays;
  const bytes = buffer?.nbytes ?? 1;
  mx.memory.clearCache();
  mx.memory.resetPeak();
  const before = mx.memory.active();
  for (let i = 0; i < QUEUED_STEPS; i++) {
    const next = step();
    mx.asyncEval(next);
    mx.eval(last);
    last.dispose();
    last = next;
  }
  mx.eval(last);
  const copies = Math.max(0, Math.round((mx.memory.peak() - before) / bytes));
  last.dispose();
  cache.dispose();
  return copies;
}

async function modelSpeed(dir: string, clip: string) {
  const { signal } = new AbortController();
  const begin = performance.now();
  const model = await loadModel(dir, { signal });
  const loaded = performance.now();
  try {
    // The first run compiles kernels and fills caches.
    await run(clip);
    const warm = performance.now();
    const { timings, segments, text } = await run(clip);
    const tokens = segments.reduce((sum, segment) => sum + segment.tokens.length, 0);
    return {
      loadSeconds: (loaded - begin) / 1000,
      warmUpSeconds: (warm - loaded) / 1000,
      encodeMs: timings.encode * 1000,
      ...{ tokens, text, tokensPerSecond: timings.decode > 0 ? tokens / timings.decode : 0 },
    };
  } finally {
    model.dispose();
  }

  async function run(file: string) {
    const audio = await openAudio(file);
    try {
      const events = model.transcribe(audio, { language: 'en' }, signal);
      let step = await events.next();
      while (step.done !== true) step = await events.next();
      return step.value;
    } finally {
      await audio.close();
    }
  }
}

/** Bytes that the memory must give for each token: weights at their width, scales and biases, cross-attention's memory. */
function bytesPerToken(dir: string): number {
  const config = parseConfig(JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')));
  const { layers, output, memory } = tokenNumbers(config, FRAMES);
  const { quantization } = config;
  const activation = mx.defaultDevice() === 'gpu' ? 2 : 4;
  const weight =
    quantization === undefined ? activation : quantization.bits / 8 + (2 * 2) / quantization.groupSize;
  return (layers + output) * weight + memory * activation;
}

function at(sorted: readonly number[], part: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new SottoError('INTERNAL', 'nothing was measured');
  return value;
}
