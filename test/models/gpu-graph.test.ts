/**
 * The graph that a GPU is given, looked at on the CPU with the kernels out of the way: what a 16-bit model computes with.
 * A product in float32 by accident takes twice the memory traffic and gives the same text, so nothing else would tell.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { halve, readConfig } from '#daemon/models/whisper/load.js';
import { LogitFilters } from '#daemon/models/whisper/logit-filters.js';
import { Whisper } from '#daemon/models/whisper/model.js';
import { WhisperTokenizer } from '#daemon/models/whisper/tokenizer.js';
import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { validateSafetensors } from '#native/safetensors.js';
import { starterModel } from './fixtures.js';

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
  model.join();
  halve(model);
  tokenizer = await WhisperTokenizer.load(config);
});
afterAll(() => {
  model.dispose();
  tokenizer.dispose();
  jest.restoreAllMocks();
});

interface Made {
  readonly op: string;
  readonly dtype: string;
  readonly size: number;
}

/** What the ops of `mx` give while `work` builds a graph. */
function recorded<T>(work: () => T): { result: T; made: Made[]; reads: number } {
  const made: Made[] = [];
  let reads = 0;
  const undo: (() => void)[] = [];
  const { isArray } = mx;
  const watch = (namespace: object): void => {
    const table = namespace as Record<string, unknown>;
    for (const [op, original] of Object.entries(table)) {
      if (typeof original !== 'function' || ['tidy', 'keep', 'dispose', 'compile', 'MxArray', 'isArray', 'arraysIn'].includes(op)) continue; // prettier-ignore
      table[op] = (...args: unknown[]): unknown => {
        if (['eval', 'asyncEval', 'ready'].includes(op)) reads++;
        const result = (original as (...args: unknown[]) => unknown)(...args);
        for (const array of [result].flat()) {
          if (isArray(array)) made.push({ op, dtype: array.dtype, size: array.size });
        }
        return result;
      };
      undo.push(() => (table[op] = original));
    }
  };
  watch(mx);
  watch(mx.fast);
  try {
    return { result: work(), made, reads };
  } finally {
    for (const restore of undo) restore();
  }
}

const floatsOf = (made: readonly Made[]): Made[] =>
  made.filter(({ dtype, size }) => size > 1 && /float/.test(dtype));

test('a 16-bit model is 16-bit from the mel to the logits, packed in every product', () => {
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
    // Of an encoder block 4, of a decoder block 6 (its cross-attention's keys and values are there already), the output.
    expect(products).toHaveLength(4 * config.nAudioLayer + 6 * config.nTextLayer + 1);
    for (const cache of caches) cache.dispose();
  });
});

test('nothing is evaluated or read within a step, sampling and timestamp rules included', () => {
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
      const [next] = nn.likeliest(filters.later(logits, state));
      return [next, ...(filters.follow(next, state) ?? [])];
    });
    expect(reads).toBe(0);
    expect(read).not.toHaveBeenCalled();
    expect(result.map((array) => mx.isAvailable(array))).toEqual([false, false, false]);
    for (const cache of caches) cache.dispose();
  });
  filters.dispose();
});
