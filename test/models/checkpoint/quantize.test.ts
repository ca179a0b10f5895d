/** Quantization by rules: which layers, how many bits, and the quality of the result. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';

import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { loadWhisper, readConfig } from '#daemon/models/whisper/checkpoint/load-whisper.js';
import { quantizationRule } from '#daemon/models/whisper/checkpoint/quantize-rules.js';
import { convert, inspect } from '#daemon/models/whisper/checkpoint/convert.js';
import type { ConvertOptions } from '#daemon/protocol/model-process.js';
import { mx } from '#native/index.js';
import { validateSafetensors } from '#native/safetensors/validate.js';
import { writeRandomWhisper } from '#test/bench/random-whisper.js';

import { emptyDir } from './checkpoint-dirs.js';
import { outputs } from './checkpoint-outputs.js';
import { SIZES } from '../model-sizes.js';

const float16 = 'float16' as const;
const prompt = [50_258, 50_259, 50_359, 50_363];
const DIMENSIONS = {
  ...SIZES.base,
  n_audio_ctx: 50,
  n_audio_state: 128,
  n_audio_head: 2,
  n_audio_layer: 3,
  n_text_ctx: 32,
  n_text_state: 128,
  n_text_head: 2,
  n_text_layer: 3,
};

let source = '';
beforeAll(() => writeRandomWhisper((source = emptyDir()), { size: DIMENSIONS }));

async function quantized(options: Omit<ConvertOptions, 'dtype'>): Promise<string> {
  const out = emptyDir();
  await convert(source, out, { ...options, dtype: float16 }, {});
  return out;
}

async function featuresOf(dir: string): Promise<Float32Array> {
  const model = await loadWhisper(dir, await readConfig(dir));
  const { features, logits } = outputs(model, prompt);
  model.dispose();
  expect(logits.every(Number.isFinite)).toBe(true);
  return features;
}

/** Relative distance. */
function distance(a: Float32Array, b: Float32Array): number {
  const length = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  return length(a.map((value, i) => value - (b[i] ?? NaN))) / length(a);
}

const storedOf = (dir: string): ReadonlySet<string> =>
  new Set(validateSafetensors(join(dir, 'weights.safetensors')).tensors.keys());

describe('a rule for layers', () => {
  const config = { nAudioLayer: 4, nTextLayer: 2 };
  const bits = (options: Omit<ConvertOptions, 'dtype' | 'groupSize'>, layer: string): number | false => {
    const own = quantizationRule({ ...options, dtype: float16, groupSize: 64 }, config)(layer);
    return own && own.bits;
  };

  test.each([
    ['encoder.blocks.0.mlp1', 8],
    ['encoder.blocks.3.attn.out', 8],
    ['encoder.blocks.1.attn.key', 4],
    ['decoder.blocks.0.cross_attn.query', 8],
    ['decoder.blocks.1.mlp2', 8],
    ['decoder.token_embedding', 6],
  ])('packs %s in %i bits where the ends have 8, the embedding 6 and the rest 4', (layer, expected) =>
    expect(bits({ bits: 4, endBits: 8, embeddingBits: 6 }, layer)).toBe(expected),
  );

  test('keeps layers with 16 bits, and all layers without bits', () => {
    expect(bits({ bits: 4, endBits: 16 }, 'encoder.blocks.0.mlp1')).toBe(false);
    expect(bits({ bits: 4, endBits: 16 }, 'encoder.blocks.1.mlp1')).toBe(4);
    expect(bits({ bits: 4, embeddingBits: 16 }, 'decoder.token_embedding')).toBe(false);
    expect(bits({}, 'encoder.blocks.1.mlp1')).toBe(false);
  });

  test('quantizes all layers alike by default', () => {
    for (const layer of ['encoder.blocks.0.mlp1', 'decoder.token_embedding', 'decoder.blocks.1.mlp2']) {
      expect(bits({ bits: 3 }, layer)).toBe(3);
    }
  });

  test('applies the last pattern that matches the whole name of a layer', () => {
    const layers = [
      { pattern: '*.mlp2', bits: 8 },
      { pattern: 'encoder.*', bits: 5 },
      { pattern: 'encoder.blocks.1.mlp2', bits: 16 },
      { pattern: 'mlp', bits: 2 },
    ] as const;
    const of = (layer: string) => bits({ bits: 4, endBits: 6, layers: [...layers] }, layer);
    expect(of('decoder.blocks.0.mlp2')).toBe(8);
    expect(of('decoder.blocks.0.mlp1')).toBe(6);
    expect(of('encoder.blocks.2.mlp2')).toBe(5);
    expect(of('encoder.blocks.1.mlp2')).toBe(false);
    // A dot matches only a dot.
    expect(bits({ bits: 4, layers: [{ pattern: 'decoder.*', bits: 8 }] }, 'decoderXblocks')).toBe(4);
  });

  test('does not confuse block 10 with block 1', () => {
    const rule = quantizationRule(
      { bits: 4, endBits: 8, groupSize: 64, dtype: float16 },
      { nAudioLayer: 12, nTextLayer: 2 },
    );
    expect(rule('encoder.blocks.10.mlp1')).toMatchObject({ bits: 4 });
    expect(rule('encoder.blocks.11.mlp1')).toMatchObject({ bits: 8 });
  });
});

describe('a quantized model', () => {
  test.each([32, 64, 128] as const)(
    'in groups of %i loads and approaches its source with each bit',
    async (groupSize) => {
      const exact = await featuresOf(source);
      let last = Infinity;
      for (const bits of [2, 3, 4, 5, 6, 8] as const) {
        const dir = await quantized({ bits, groupSize });
        expect((await readConfig(dir)).quantization).toEqual({ bits, groupSize });
        const off = distance(exact, await featuresOf(dir));
        expect(off).toBeLessThan(last);
        last = off;
      }
      expect(last).toBeLessThan(0.02);
    },
  );

  test('with separate bits for ends and embedding is described, loads and matches the request', async () => {
    const dir = await quantized({ bits: 4, endBits: 8, embeddingBits: 6, groupSize: 64 });
    const { quantization } = await readConfig(dir);
    // Two thirds of the blocks are ends: their setting is the common one.
    expect(quantization).toMatchObject({ bits: 8, groupSize: 64 });
    expect(quantization?.layers?.get('decoder.token_embedding')).toEqual({ bits: 6, groupSize: 64 });
    expect(quantization?.layers?.get('encoder.blocks.1.mlp1')).toEqual({ bits: 4, groupSize: 64 });
    const exact = await featuresOf(source);
    const four = distance(exact, await featuresOf(await quantized({ bits: 4, groupSize: 64 })));
    expect(distance(exact, await featuresOf(dir))).toBeLessThan(four);
    const { layers } = await inspect(dir, {});
    expect(layers).toEqual([
      { bits: 8, groupSize: 64, count: 32 },
      { bits: 4, groupSize: 64, count: 16 },
      { bits: 6, groupSize: 64, count: 1 },
    ]);
  });

  test('with unquantized layers is described as mlx-whisper reads it', async () => {
    const dir = await quantized({ bits: 4, endBits: 16, embeddingBits: 16, groupSize: 64 });
    expect((await readConfig(dir)).quantization).toEqual({ bits: 4, groupSize: 64 });
    const stored = storedOf(dir);
    expect(stored.has('encoder.blocks.1.mlp1.scales')).toBe(true);
    expect(stored.has('encoder.blocks.0.mlp1.scales')).toBe(false);
    expect(stored.has('decoder.token_embedding.scales')).toBe(false);
    await featuresOf(dir);
  });

  test('rejects a pattern without a matching layer', async () => {
    const layers = [{ pattern: 'encoder.*.mlp3', bits: 8 as const }];
    const live = mx.liveArrays();
    await expect(quantized({ bits: 4, groupSize: 64, layers })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'no layer matches "encoder.*.mlp3"',
    });
    expect(mx.liveArrays()).toBe(live);
  });

  test('can be dequantized again', async () => {
    const mixed = await quantized({ bits: 4, endBits: 8, groupSize: 64 });
    const plain = emptyDir();
    await convert(mixed, plain, { groupSize: 64, dtype: float16 }, {});
    expect((await readConfig(plain)).quantization).toBeUndefined();
    expect(distance(await featuresOf(mixed), await featuresOf(plain))).toBeLessThan(0.01);
  });

  test('of another tool, with mixed projections in one attention, loads too', async () => {
    const dir = emptyDir();
    const [eight, four] = [
      await quantized({ bits: 8, groupSize: 64 }),
      await quantized({ bits: 4, groupSize: 64 }),
    ];
    const { arrays } = mx.loadSafetensors(join(eight, 'weights.safetensors'));
    const { arrays: others } = mx.loadSafetensors(join(four, 'weights.safetensors'));
    const own = /\.attn\.value\./;
    const mixed = Object.fromEntries(
      Object.entries(arrays).map(([name, array]) => [name, own.test(name) ? (others[name] ?? array) : array]),
    );
    mx.eval(Object.values(mixed));
    mx.saveSafetensors(join(dir, 'weights.safetensors'), mixed);
    const config = JSON.parse(readFileSync(join(eight, 'config.json'), 'utf8')) as { quantization: object };
    const layers = Object.keys(arrays).flatMap((name) =>
      name.endsWith('.scales') && own.test(name)
        ? [[name.slice(0, -'.scales'.length), { bits: 4, group_size: 64 }]]
        : [],
    );
    config.quantization = { ...config.quantization, ...(Object.fromEntries(layers) as object) };
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    mx.dispose(arrays, others);
    const exact = await featuresOf(source);
    const off = distance(exact, await featuresOf(dir));
    expect(off).toBeLessThan(distance(exact, await featuresOf(four)));
    expect(off).toBeGreaterThan(distance(exact, await featuresOf(eight)));
    const live = mx.liveArrays();
    const model = await loadRecognizer(dir);
    expect((await footprintOf(dir)).weightBytes).toBe(model.weightBytes);
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('leaves no arrays behind', async () => {
    const live = mx.liveArrays();
    await quantized({ bits: 4, endBits: 8, embeddingBits: 16, groupSize: 64 });
    expect(mx.liveArrays()).toBe(live);
  });
});
