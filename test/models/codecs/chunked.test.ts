/** Codecs without a state: chunks of any size are the whole, and read no further than their context. */
import { describe, expect, test } from '@jest/globals';

import { dacPlans, DacRunner } from '#daemon/models/codecs/dac/dac-runner.js';
import type { DacConfig } from '#daemon/models/codecs/dac/dac-config.js';
import { loadDac } from '#daemon/models/codecs/dac/load-dac.js';
import { frameRanges, type ChunkPlan } from '#daemon/models/codecs/layers/chunked.js';
import { loadSnac } from '#daemon/models/codecs/snac/load-snac.js';
import { noiseValues } from '#daemon/models/codecs/snac/position-noise.js';
import { blockFrames, type SnacConfig } from '#daemon/models/codecs/snac/snac-config.js';
import { snacPlans, SnacRunner } from '#daemon/models/codecs/snac/snac-runner.js';
import type { CodecRunner } from '#daemon/models/codecs/codec-model.js';
import { mx, type MxArray } from '#native/index.js';
import type * as nn from '#native/nn/index.js';

import { allCodes, allSamples, codecDir, distance, streamed, testSamples } from './codec-fixtures.js';

const signal = new AbortController().signal;
type Steps = readonly ((x: MxArray) => MxArray)[];

interface Subject {
  readonly network: nn.Module;
  readonly plans: { readonly encode: ChunkPlan; readonly decode: ChunkPlan };
  readonly codebooks: number;
  readonly latentDims: number;
  readonly runner: (chunkFrames: number) => CodecRunner;
  /** With small tiles in one chunk, if it has tiles. */
  readonly tiledRunner?: () => CodecRunner;
  readonly encoderSteps: () => Steps;
  readonly decoderSteps: () => Steps;
}

async function snac(name: string): Promise<Subject> {
  const network = await loadSnac(codecDir(name));
  return {
    network,
    plans: snacPlans(network.config),
    codebooks: network.config.vq_strides.length,
    latentDims: network.config.latent_dim,
    runner: (chunkFrames) => new SnacRunner(network, { chunkFrames }),
    encoderSteps: () => network.encoderSteps(),
    decoderSteps: () => network.decoderSteps(),
  };
}

async function dac(name: string): Promise<Subject> {
  const network = await loadDac(codecDir(name));
  return {
    network,
    plans: dacPlans(network.config),
    codebooks: network.config.n_codebooks,
    latentDims: network.config.latent_dim,
    runner: (chunkFrames) => new DacRunner(network, { chunkFrames }),
    tiledRunner: () => new DacRunner(network, { chunkFrames: 1_000_000, tileSamples: 40 }),
    encoderSteps: () => network.encoderSteps(),
    decoderSteps: () => network.decoderSteps(),
  };
}

describe.each([
  ['snac-24khz', snac],
  ['snac-32khz', snac],
  ['dac-44khz', dac],
  ['dac-16khz', dac],
] as const)('%s', (name, load) => {
  test('codes and audio of chunks are those of the whole', async () => {
    const live = mx.liveArrays();
    const { network, plans, codebooks, runner } = await load(name);
    const { hop, block } = plans.decode;
    const samples = testSamples((block === 1 ? 100 : 13) * block * hop + 5);
    const whole = runner(1_000_000);
    const encoded = await allCodes(whole.encode(streamed(samples), codebooks, signal));
    const audio = await allSamples(whole.decode(encoded, signal));
    expect(audio.length).toBe(samples.length);
    for (const frames of [1, 3, 4].map((blocks) => blocks * Math.max(block, 5))) {
      const chunked = runner(frames);
      expect(await allCodes(chunked.encode(streamed(samples, 333), codebooks, signal))).toEqual(encoded);
      expect(distance(await allSamples(chunked.decode(encoded, signal)), audio)).toBeLessThan(1e-5);
    }
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('tiles are the whole', async () => {
    const { network, codebooks, runner, tiledRunner } = await load(name);
    const live = mx.liveArrays();
    const tiled = tiledRunner?.() ?? runner(1_000_000);
    const samples = testSamples(60 * 40 + 7);
    const encoded = await allCodes(runner(1_000_000).encode(streamed(samples), codebooks, signal));
    expect(await allCodes(tiled.encode(streamed(samples), codebooks, signal))).toEqual(encoded);
    const audio = await allSamples(runner(1_000_000).decode(encoded, signal));
    expect(distance(await allSamples(tiled.decode(encoded, signal)), audio)).toBeLessThan(1e-5);
    expect(mx.liveArrays()).toBe(live);
    network.dispose();
  });

  test('a NaN behind the context does not reach a chunk, one within the network’s reach does', async () => {
    const { network, plans, encoderSteps, decoderSteps, latentDims } = await load(name);
    const { hop, block, context } = plans.decode;
    const size = Math.max(4 * context, 8 * block);
    const at = (chunk: number): number => Math.ceil(chunk / block) * block;
    const bad = at(size / 2);
    const latents = new Float32Array(size * latentDims);
    latents.fill(NaN, bad * latentDims, (bad + 1) * latentDims);
    const spread = reached(decoderSteps(), latents, [1, size, latentDims]).map((sample) =>
      Math.floor(sample / hop),
    );
    // Chunks begin at blocks: the last one before the frame, and the first one behind it.
    expect(at(spread[0] ?? -1) + context).toBeGreaterThanOrEqual(bad + 1 - block);
    expect(bad - (spread[0] ?? -1)).toBeLessThanOrEqual(context + block - 1);
    expect((spread.at(-1) ?? Infinity) - bad).toBeLessThanOrEqual(context);
    expect((spread.at(-1) ?? 0) - bad).toBeGreaterThanOrEqual(Math.min(9, context - block));
    const audio = new Float32Array(size * hop);
    audio.fill(NaN, bad * hop, (bad + 1) * hop);
    const values = reached(encoderSteps(), audio, [1, size * hop, 1]).map((i) => Math.floor(i / latentDims));
    expect(bad - (values[0] ?? -1)).toBeLessThanOrEqual(plans.encode.context + block - 1);
    expect((values.at(-1) ?? Infinity) - bad).toBeLessThanOrEqual(plans.encode.context);
    network.dispose();
  });

  test('memory does not grow with the length', async () => {
    const { network, plans, codebooks, runner } = await load(name);
    const { hop, block } = plans.decode;
    const frames = Math.max(32, 4 * block);
    const chunked = runner(frames);
    const peakOf = async (count: number): Promise<number> => {
      const encoded = await allCodes(chunked.encode(streamed(testSamples(count)), codebooks, signal));
      mx.memory.clearCache();
      mx.memory.resetPeak();
      const before = mx.memory.active();
      for await (const _ of chunked.decode(encoded, signal));
      return mx.memory.peak() - before;
    };
    const [short, long] = [await peakOf(5 * frames * hop), await peakOf(15 * frames * hop)];
    expect(long).toBeLessThan(1.1 * short);
    network.dispose();
  });

  test('is cancelled between layers, and frees everything', async () => {
    const { network, codebooks, runner } = await load(name);
    const live = mx.liveArrays();
    const chunked = runner(64);
    const stop = new AbortController();
    const encoding = chunked.encode(streamed(testSamples(50_000)), codebooks, stop.signal);
    setImmediate(() => stop.abort());
    await expect(allCodes(encoding)).rejects.toMatchObject({ code: 'CANCELLED' });
    const encoded = await allCodes(chunked.encode(streamed(testSamples(20_000)), codebooks, signal));
    const decoding = chunked.decode(encoded, stop.signal);
    await expect(allSamples(decoding)).rejects.toMatchObject({ code: 'CANCELLED' });
    const left = chunked.decode(encoded, signal);
    await left.next();
    await left.return(undefined);
    expect(mx.liveArrays()).toBe(live);
    network.dispose();
  });

  test('jobs of unequal length side by side are those alone', async () => {
    const { network, codebooks, runner } = await load(name);
    const chunked = runner(32);
    const lengths = [700, 3001, 1777];
    const run = async (length: number, shift: number): Promise<Float32Array> => {
      const encoded = await allCodes(chunked.encode(streamed(testSamples(length, shift)), codebooks, signal));
      return allSamples(chunked.decode(encoded, signal));
    };
    const together = await Promise.all(lengths.map((length, i) => run(length, 500 * i)));
    for (const [i, length] of lengths.entries()) {
      expect(distance(await run(length, 500 * i), together[i] ?? new Float32Array(0))).toBe(0);
    }
    network.dispose();
  });
});

/** Indexes of the values that a NaN in the input reaches. */
function reached(steps: Steps, input: Float32Array, shape: readonly number[]): number[] {
  const values = mx.tidy(() =>
    steps.reduce((x, step) => step(x), mx.array(input, shape)).toTypedArray('float32'),
  );
  return [...values.keys()].filter((i) => Number.isNaN(values[i]));
}

describe('the context', () => {
  const snacConfig = (config: Partial<SnacConfig>): SnacConfig => ({
    sampling_rate: 24_000,
    encoder_dim: 48,
    encoder_rates: [2, 4, 8, 8],
    latent_dim: 768,
    decoder_dim: 1024,
    decoder_rates: [8, 8, 4, 2],
    attn_window_size: null,
    codebook_size: 4096,
    codebook_dim: 8,
    vq_strides: [4, 2, 1],
    ...config,
  });
  const windowed = {
    encoder_rates: [2, 3, 8, 8],
    decoder_rates: [8, 8, 3, 2],
    attn_window_size: 32,
    vq_strides: [8, 4, 2, 1],
  };
  const dacConfig = (down: number[]): DacConfig => ({
    sample_rate: 44_100,
    encoder_dim: 64,
    encoder_rates: down,
    latent_dim: 1024,
    decoder_dim: 1536,
    decoder_rates: [...down].reverse(),
    n_codebooks: 9,
    codebook_size: 1024,
    codebook_dim: 8,
  });

  // Measured with a NaN in networks of full depth: DAC 10 and 8, SNAC 10 and 10 in blocks of 4.
  test.each([
    ['DAC 44.1 kHz', dacPlans(dacConfig([2, 4, 8, 8])), 10, 8],
    // A bound: an odd stride reaches less far on one side.
    ['DAC 16 and 24 kHz', dacPlans(dacConfig([2, 4, 5, 8])), 11, 8],
    ['SNAC 24 kHz', snacPlans(snacConfig({})), 12, 12],
    ['SNAC 32 and 44.1 kHz', snacPlans(snacConfig(windowed)), 64, 64],
  ])('of %s', (_, { encode, decode }, decoder, encoder) => {
    expect([decode.context, encode.context]).toEqual([decoder, encoder]);
  });

  test('SNAC computes whole frames of all codebooks and whole windows', () => {
    expect(blockFrames(snacConfig({}))).toBe(4);
    expect(blockFrames(snacConfig(windowed))).toBe(32);
  });
});

test.each([1, 7, 20, 100])('chunks of %i frames join without gaps', (frames) => {
  for (const total of [0, 1, 19, 20, 21, 57]) {
    const ranges = [...frameRanges(total, { frames, context: 3 })];
    expect(
      ranges.flatMap(({ first, last }) => Array.from({ length: last - first }, (_, i) => first + i)),
    ).toEqual(Array.from({ length: total }, (_, i) => i));
    for (const { start, first, last, end } of ranges) {
      expect(start).toBe(Math.max(0, first - 3));
      expect(end).toBe(Math.min(total, last + 3));
    }
  }
});

describe('noise by position', () => {
  test('does not depend on the chunk', () => {
    const whole = noiseValues(0, 2, 0, 1000);
    expect(noiseValues(0, 2, 250, 100)).toEqual(whole.slice(250, 350));
    expect(noiseValues(0, 1, 0, 1000)).not.toEqual(whole);
    expect(noiseValues(1, 2, 0, 1000)).not.toEqual(whole);
    expect(noiseValues(0, 2, 2 ** 32, 1000)).not.toEqual(whole);
  });

  test('is normal and white', () => {
    const values = noiseValues(0, 0, 0, 100_000);
    const mean = (f: (x: number, i: number) => number): number =>
      values.reduce((sum, x, i) => sum + f(x, i), 0) / values.length;
    expect(mean((x) => x)).toBeCloseTo(0, 1);
    expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(0.02);
    expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(0.1);
    for (const lag of [1, 2, 64]) {
      expect(Math.abs(mean((x, i) => x * (values[i + lag] ?? 0)))).toBeLessThan(0.015);
    }
  });
});
