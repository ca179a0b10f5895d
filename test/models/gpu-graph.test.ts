/**
 * Inspects the graph for a GPU on the CPU, without our kernels: the dtypes that a 16-bit model computes in. An accidental
 * float32 product doubles the memory traffic and gives the same text, so no other test notices.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { disposeWindow, encode } from '#daemon/models/whisper/encode/encode.js';
import { castToFloat16, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { fusedWhisper } from '#daemon/models/whisper/fused-model.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import { BeamSearch } from '#daemon/models/search/search.js';
import { whisperSteps } from '#daemon/models/whisper/search/whisper-steps.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { validateSafetensors } from '#native/safetensors/validate.js';
import { buildAsOnGpu, opsBeyond } from './gpu-mocks.js';
import { starterModel } from './model-fixtures.js';
import { SIZES } from './model-sizes.js';
import { floatsOf, recorded } from './recorded-ops.js';

let model: Whisper;
let tokenizer: WhisperTokenizer;
beforeAll(async () => {
  mx.setDefaultDevice('cpu');
  jest.spyOn(mx.cpu, 'available').mockReturnValue(false);
  const config = await readConfig(starterModel());
  const path = join(starterModel(), 'weights.safetensors');
  const { tensors } = validateSafetensors(path);
  model = new Whisper(config);
  nn.quantize(model, { ...config.quantization, predicate: nn.storedQuantized(tensors) });
  const { alignment_heads: heads, ...weights } = mx.loadSafetensors(path).arrays;
  heads?.dispose();
  model.loadWeights(weights);
  nn.fuse(model, fusedWhisper);
  castToFloat16(model);
  tokenizer = await WhisperTokenizer.load(config);
});
afterAll(() => {
  model.dispose();
  tokenizer.dispose();
  jest.restoreAllMocks();
});

test('a 16-bit model is 16-bit from the mel to the logits, quantized in every product', () => {
  mx.tidy(() => {
    const { config, decoder } = model;
    expect(model.dtype).toBe('float16');
    const encoder = recorded(() => model.encoder.forward(mx.zeros([1, 3000, config.nMels], 'float16')));
    expect(floatsOf(encoder.made).filter(({ dtype }) => dtype !== 'float16')).toEqual([]);
    const caches = decoder.blocks.map(() => nn.selfAttentionCache(config.nTextCtx));
    const audio = decoder.blocks.map((block) => block.crossKeysValues(encoder.result));
    const token = mx.array(Int32Array.of(1), [1, 1]);
    const step = recorded(() => decoder.logits(decoder.forward(token, caches, audio)));
    const wide = floatsOf(step.made).filter(({ dtype }) => dtype !== 'float16');
    expect(wide).toEqual([{ op: 'astype', dtype: 'float32', size: config.nVocab }]); // the logits, once

    const products = [...encoder.made, ...step.made].filter(({ op }) => /matmul|addmm/i.test(op));
    expect(new Set(products.map(({ op }) => op))).toEqual(new Set(['quantizedMatmul']));
    // Encoder block 4, decoder block 6 (cross-attention keys and values exist already), output layer 1.
    expect(products).toHaveLength(4 * config.nAudioLayer + 6 * config.nTextLayer + 1);
    for (const cache of caches) cache.dispose();
  });
});

test('a step evaluates and reads nothing, sampling and timestamp rules included', () => {
  const { config, decoder } = model;
  const filters = new LogitFilters(tokenizer, config, { timestamps: true });
  mx.tidy(() => {
    const caches = decoder.blocks.map(() => nn.selfAttentionCache(config.nTextCtx));
    const features = mx.zeros([1, 1500, config.nAudioState], 'float16');
    const audio = decoder.blocks.map((block) => block.crossKeysValues(features));
    const state = [mx.array(Int32Array.of(0)), mx.array(Int32Array.of(5))] as const;
    const read = jest.spyOn(mx.MxArray.prototype, 'item');
    const { reads, result } = recorded(() => {
      const hidden = decoder.forward(mx.array(Int32Array.of(1), [1, 1]), caches, audio);
      const logits = mx.reshape(decoder.logits(hidden), [1, config.nVocab]);
      const [next] = nn.argmax(filters.later(logits, state));
      return [next, ...(filters.follow(next, state) ?? [])];
    });
    expect(reads).toBe(0);
    expect(read).not.toHaveBeenCalled();
    expect(result.map((array) => mx.isAvailable(array))).toEqual([false, false, false]);
    for (const cache of caches) cache.dispose();
  });
  filters.dispose();
});

/** Small and random: 16-bit products are slow on the CPU. */
function smallNetwork(): Whisper {
  const sizes = {
    nAudioState: 64,
    nAudioHead: 1,
    nAudioLayer: 3,
    nTextState: 64,
    nTextHead: 1,
    nTextLayer: 5,
    nVocab: 99,
  };
  const network = new Whisper({ ...model.config, ...sizes });
  const weights = [...network.namedParameters()].map(([name, { shape }], seed) => [
    name,
    mx.random.normal(shape, 'float32', 0, 0.2, mx.random.key(seed)),
  ]);
  network.loadWeights(Object.fromEntries(weights) as Record<string, MxArray>);
  nn.fuse(network, fusedWhisper);
  return network;
}

/** Keys and values of a window of noise, encoded as on `device`, and the number of waits. */
async function encoded(
  network: Whisper,
  device: 'cpu' | 'gpu',
  signal = new AbortController().signal,
): Promise<{ digests: string[]; waits: number }> {
  const noise = mx.tidy(() =>
    mx.random.normal([1, 200, network.config.nMels], 'float32', 0, 0.5, mx.random.key(1)),
  );
  const ready = jest.spyOn(mx, 'ready');
  const deviceSpy = jest.spyOn(mx, 'defaultDevice').mockReturnValueOnce(device);
  try {
    const window = await encode(network, noise, signal);
    const digests = window.crossKeysValues.flat().map((array) => {
      const bytes = new Uint8Array(array.toTypedArray().buffer);
      return createHash('sha256').update(bytes).digest('hex');
    });
    disposeWindow(window);
    return { digests, waits: ready.mock.calls.length };
  } finally {
    deviceSpy.mockRestore();
    ready.mockRestore();
  }
}

test('the end of a window, its check and all keys and values are waited for once', async () => {
  const network = smallNetwork();
  const { nAudioLayer, nTextLayer } = network.config;
  const live = mx.liveArrays();
  const [cpu, gpu] = [await encoded(network, 'cpu'), await encoded(network, 'gpu')];
  expect(new Set(cpu.digests).size).toBe(2 * nTextLayer);
  expect(gpu.digests).toEqual(cpu.digests);
  expect(gpu.waits).toBe(nAudioLayer + 1); // each block is waited for while the next one runs
  expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  network.dispose();
});

test('an abort before the keys and values frees everything', async () => {
  const network = smallNetwork();
  const live = mx.liveArrays();
  const controller = new AbortController();
  controller.abort();
  await expect(encoded(network, 'gpu', controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  network.dispose();
});

/** A network of a published size with unevaluated weights, quantized like its models. */
function networkOf(name: keyof typeof SIZES, bits: number): Whisper {
  const { n_mels: nMels, n_vocab: nVocab, ...sizes } = SIZES[name];
  const network = new Whisper({
    ...model.config,
    nMels,
    nVocab,
    nAudioCtx: sizes.n_audio_ctx,
    nAudioState: sizes.n_audio_state,
    nAudioHead: sizes.n_audio_head,
    nAudioLayer: sizes.n_audio_layer,
    nTextCtx: sizes.n_text_ctx,
    nTextState: sizes.n_text_state,
    nTextHead: sizes.n_text_head,
    nTextLayer: sizes.n_text_layer,
  });
  const isQuantized = (name: string): boolean => !name.includes('conv');
  nn.quantize(network, { groupSize: 64, bits, predicate: isQuantized, empty: true });
  nn.fuse(network, fusedWhisper);
  castToFloat16(network);
  return network;
}

/** Ops of the choice of a beam, the cache reordering and the next step, as `SearchSteps` queues them with one wait. */
async function opsOfBeam(network: Whisper, timestamps: boolean): Promise<number> {
  const { config, decoder } = network;
  const filters = new LogitFilters(tokenizer, config, { timestamps });
  const shape = [1, config.nTextHead, 1500, config.nTextState / config.nTextHead];
  const audio = decoder.blocks.map(() => [mx.zeros(shape, 'float16'), mx.zeros(shape, 'float16')] as const);
  const caches = decoder.blocks.map(() => nn.selfAttentionCache(config.nTextCtx));
  const context = { model: network, tokenizer, filters, caches, startSequence: [], seed: 1 };
  const { endOfText } = tokenizer.special;
  const search = new BeamSearch({ beamSize: 5, endOfText, vocabulary: config.nVocab });
  const tokens = [1, 2, 3, 4, 5];
  search.live = tokens.map((token) => ({ tokens: [token], logprobs: [-1], sumLogprob: -1 }));
  const begun = decoder.forward(mx.array(Int32Array.from(tokens), [5, 1]), caches, audio);

  const queued: MxArray[][] = [];
  const asyncEval = jest
    .spyOn(mx, 'asyncEval')
    .mockImplementation((...trees) => void queued.push(mx.arraysIn(trees)));
  const waits = jest.spyOn(mx, 'ready').mockRejectedValueOnce(new Error('counted, not run'));
  const dispose = jest.spyOn(mx, 'dispose').mockReturnValue(undefined);
  const steps = whisperSteps(context, { crossKeysValues: audio }, search, 'speculative');
  const { signal } = new AbortController();
  await expect(steps.next([0, 1, 2, 3, 4], signal)).rejects.toThrow('counted, not run');
  expect(waits).toHaveBeenCalledTimes(1);
  for (const spy of [asyncEval, waits, dispose]) spy.mockRestore();

  const [step = [], speculative = []] = queued;
  const offers = step.slice(0, 3); // candidates of the previous step; the chosen beam follows
  const before = [...network.parameters(), ...audio.flat(), begun, ...offers];
  return opsBeyond(before, [...step, ...speculative]);
}

/**
 * Ops of the graph for a GPU, views included: each costs the host about 2.5 µs, on an M3 and later more than the device
 * needs for it. Before 23 November 2026: base 269 a token and 191 a window, turbo 197 and 717; a token of a beam of 5 had
 * 272 and 206, with up to 7 and 5 waits.
 */
describe.each([
  { name: 'base', bits: 6, token: 158, beam: 235, window: 137 },
  { name: 'turbo', bits: 4, token: 116, beam: 177, window: 541 },
] as const)('ops of $name on a GPU', ({ name, bits, token, beam, window }) => {
  let network: Whisper;
  beforeAll(() => {
    buildAsOnGpu();
    network = networkOf(name, bits);
  });
  afterAll(() => {
    network.dispose();
    jest.restoreAllMocks();
    jest.spyOn(mx.cpu, 'available').mockReturnValue(false);
  });

  test('a token of a file stays within its ops, and one of live text needs fewer', () => {
    const { config, decoder } = network;
    const weights = network.parameters();
    const counts = [true, false].map((timestamps) => {
      const filters = new LogitFilters(tokenizer, config, { timestamps });
      const count = mx.tidy(() => {
        const audio = decoder.blocks.map(() => {
          const shape = [1, config.nTextHead, 1500, config.nTextState / config.nTextHead];
          return [mx.zeros(shape, 'float16'), mx.zeros(shape, 'float16')] as const;
        });
        const state = [mx.array(Int32Array.of(0)), mx.array(Int32Array.of(5))] as const;
        const caches = decoder.blocks.map(() => nn.selfAttentionCache(config.nTextCtx));
        const step = (last: MxArray): MxArray[] => {
          const hidden = decoder.forward(mx.reshape(last, [1, 1]), caches, audio);
          const logits = mx.reshape(decoder.logits(hidden), [1, config.nVocab]);
          const { token, logprob, state: next } = filters.choose(logits, timestamps ? state : undefined);
          return [token, logprob, ...(next ?? [])];
        };
        const first = step(mx.array(Int32Array.of(1)));
        return opsBeyond([...weights, ...audio.flat(), ...first], step(mx.array(Int32Array.of(1))));
      });
      filters.dispose();
      return count;
    });
    expect(counts[0]).toBeLessThanOrEqual(token);
    expect(counts[1]).toBeLessThan(counts[0] ?? 0);
    expect(counts[1]).toBeGreaterThan(10 * config.nTextLayer); // the blocks are included
  });

  test('a token of a beam of 5, queued before the previous one is read, stays within its ops', async () => {
    const counts = [await opsOfBeam(network, true), await opsOfBeam(network, false)] as const;
    expect(counts[0]).toBeLessThanOrEqual(beam);
    expect(counts[1]).toBeLessThan(counts[0]);
    expect(counts[1]).toBeGreaterThan(20 * network.config.nTextLayer);
  });

  test('a window of the encoder stays within its ops', () => {
    const { config, encoder, decoder } = network;
    mx.tidy(() => {
      const mel = mx.zeros([1, 3000, config.nMels], 'float16');
      const features = encoder.forward(mel);
      const pairs = decoder.blocks.map((block) => block.crossKeysValues(features));
      const count = opsBeyond([...network.parameters(), encoder._positions, mel], pairs.flat());
      expect(count).toBeLessThanOrEqual(window);
      expect(count).toBeGreaterThan(8 * config.nAudioLayer);
    });
  });
});
