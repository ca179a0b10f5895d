/** Measures the machine's speed, and how much of it a model uses on a clip. */
import { availableParallelism } from 'node:os';
import { openAudio } from '#daemon/audio/decode-file.js';
import { familyOf, loadRecognizer } from '#daemon/models/registry.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { MachineResult, ModelSpeed, ProductTimes } from '#daemon/protocol/selftest-process.js';
import { selfAttentionCache } from '#native/nn/index.js';
import { mx, type MxArray } from '#native/index.js';
import { limitCache } from '../cache-limit.js';
import { float32Products, quickestMs, readGbPerSecond } from './roofline.js';

/** Larger than any cache: 256 MiB of float32. */
const READ_NUMBERS = 64 * 2 ** 20;
const ROUND_TRIPS = 200;
const CHAIN_OPS = 2_000;
const QUEUED_STEPS = 50;
/** The first allocation of a growing cache, so that no buffer is replaced by a larger one meanwhile. */
const CACHE_POSITIONS = 64;
/** Positions that cross-attention reads: a window of 30 s. */
const FRAMES = 1_500;
/** Of the models `base` and `small`. */
const WIDTHS = [512, 768] as const;
/** As in the starter model. */
const PACKED = { bits: 6, groupSize: 128 } as const;

export async function measureMachine(): Promise<MachineResult> {
  limitCache();
  const device = mx.defaultDevice();
  const rate = device === 'gpu' ? gpuReadGbPerSecond() : await readGbPerSecond(availableParallelism());
  const gflops = device === 'gpu' ? gpuGflops() : (float32Products()[0]?.gflops ?? 0);
  const micros = hostMicrosPerOp();
  const trips = await roundTrips();
  return {
    ...{ device, readGbPerSecond: rate, gflops, hostMicrosPerOp: micros, cacheCopies: cacheCopies() },
    ...{ readyP50Ms: at(trips, 0.5), readyP95Ms: at(trips, 0.95) },
    // MLX's CPU device has no fast product for either, and Sotto's own kernels need neither.
    products: device === 'gpu' ? WIDTHS.map((width) => productTimes(width)) : [],
  };
}

/** Runs a model twice on a clip, cold and warm. */
export async function measureModelSpeed(
  dir: string,
  clip: string,
  readGbPerSecond: number,
): Promise<ModelSpeed> {
  limitCache();
  const figures = await modelSpeed(dir, clip);
  const family = await familyOf(dir);
  if (family.bytesPerToken === undefined)
    throw new SottoError('MODEL_UNSUPPORTED', `the speed of ${family.name} models can’t be bounded`);
  return { ...figures, boundTokensPerSecond: (readGbPerSecond * 1e9) / (await family.bytesPerToken(dir)) };
}

/** What a model leaves behind. The first run does not count: kernels and tables stay for the next. */
export async function countLeaks(dir: string, clip: string): Promise<{ arrays: number; bytes: number }> {
  await modelSpeed(dir, clip, 1);
  const arrays = mx.liveArrays();
  const bytes = mx.memory.active();
  await modelSpeed(dir, clip, 1);
  return { arrays: mx.liveArrays() - arrays, bytes: Math.max(0, mx.memory.active() - bytes) };
}

/**
 * A quantized product against a float16 one, with the rows of a whole window: shows whether expanding the encoder
 * pays.
 */
export function productTimes(width: number, rows = FRAMES): ProductTimes {
  const [x, w] = mx.tidy((): [MxArray, MxArray] => [
    mx.astype(mx.random.normal([rows, width]), 'float16'),
    mx.astype(mx.random.normal([width, width]), 'float16'),
  ]);
  const [packed, scales, biases] = mx.quantize(w, PACKED);
  mx.eval(x, w, packed, scales, biases);
  const packedMs = quickestMs(() =>
    mx.quantizedMatmul(x, packed, scales, biases, { ...PACKED, transpose: true }),
  );
  const plainMs = quickestMs(() => mx.matmul(x, mx.transpose(w)));
  mx.dispose(x, w, packed, scales, biases);
  return { rows, width, packedMs, plainMs };
}

/** The fastest sum over an array that exceeds any cache. */
function gpuReadGbPerSecond(): number {
  const array = mx.zeros([READ_NUMBERS], 'float32');
  mx.eval(array);
  const ms = quickestMs(() => mx.sum(array));
  array.dispose();
  return (READ_NUMBERS * 4) / ms / 1e6;
}

function gpuGflops(): number {
  const size = 4096;
  const a = mx.astype(mx.random.normal([size, size]), 'float16');
  mx.eval(a);
  const ms = quickestMs(() => mx.matmul(a, a));
  a.dispose();
  return (2 * size ** 3) / ms / 1e6;
}

/** A chain of ops that compute almost nothing, so the host's time remains. */
function hostMicrosPerOp(): number {
  const one = mx.array([1]);
  const ms = quickestMs(() => {
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
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const begin = performance.now();
    const two = mx.add(one, one);
    await mx.ready(two);
    times.push(performance.now() - begin);
    two.dispose();
  }
  one.dispose();
  return times.sort((a, b) => a - b);
}

/** Peak memory of steps that are queued one ahead, as in decoding, in the cache buffers of the models. */
function cacheCopies(): number {
  const cache = selfAttentionCache(CACHE_POSITIONS);
  const [heads, width] = [8, 64];
  const step = (): MxArray =>
    mx.tidy(() => mx.sum(cache.attend(mx.ones([1, 1, 3 * heads * width], stepDtype()), heads)));
  let last = step();
  mx.eval(last);
  const bytes = 2 * heads * width * CACHE_POSITIONS * (stepDtype() === 'float16' ? 2 : 4);
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

function stepDtype(): 'float16' | 'float32' {
  return mx.defaultDevice() === 'gpu' ? 'float16' : 'float32';
}

/** @param runs 2: one that compiles kernels and fills caches, and one that is measured */
async function modelSpeed(dir: string, clip: string, runs: 1 | 2 = 2) {
  const { signal } = new AbortController();
  const begin = performance.now();
  const model = await loadRecognizer(dir, { signal });
  const loaded = performance.now();
  try {
    const first = await run(clip);
    const warm = performance.now();
    const { timings, segments, text } = runs === 1 ? first : await run(clip);
    const tokens = segments.reduce((sum, { tokens = [] }) => sum + tokens.length, 0);
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

function at(sorted: readonly number[], part: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  if (value === undefined) throw new SottoError('INTERNAL', 'nothing was measured');
  return value;
}
