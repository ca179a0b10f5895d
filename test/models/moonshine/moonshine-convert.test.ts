/** Conversion and quantization of Moonshine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { convert, inspect } from '#daemon/models/moonshine/convert-moonshine.js';
import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import { footprintOf } from '#daemon/models/registry.js';
import type { ConvertOptions } from '#daemon/protocol/model-process.js';
import { mx } from '#native/index.js';

import { emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { expectedOf, moonshineDir, resultOf } from './moonshine-dirs.js';

async function converted(options: ConvertOptions): Promise<string> {
  const out = emptyDir();
  await convert(moonshineDir('biases-float16'), out, options, {});
  return out;
}

const configIn = (dir: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(dir, 'config.json'), 'utf8')) as Record<string, unknown>;

describe('converting Moonshine', () => {
  test('keeps the names and the layout of transformers, and its tokens', async () => {
    const live = mx.liveArrays();
    const dir = await converted({ dtype: 'float32' });
    const { arrays } = mx.loadSafetensors(join(dir, 'model.safetensors'));
    expect(arrays['model.encoder.conv2.weight']?.shape).toEqual([64, 32, 7]); // [out, in, k]
    expect(arrays['model.decoder.embed_tokens.weight']?.dtype).toBe('float32');
    mx.dispose(arrays);
    expect(configIn(dir)).toMatchObject({ model_type: 'moonshine', torch_dtype: 'float32' });
    const model = await MoonshineModel.load(dir);
    for (const { samples, tokens } of expectedOf('biases-float16').clips) {
      const { segments } = await resultOf(model, samples, { vad: false });
      expect(segments.flatMap((segment) => segment.tokens ?? [])).toEqual(tokens);
    }
    model.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('quantizes in groups of 32 by default, the embedding too', async () => {
    const dir = await converted({ bits: 8, dtype: 'float16' });
    expect(configIn(dir)).toMatchObject({ quantization: { bits: 8, group_size: 32 } });
    const facts = await inspect(dir, {});
    expect(facts).toMatchObject({
      family: 'moonshine',
      layout: 'huggingface',
      dtype: 'float16',
      quantization: { bits: 8, groupSize: 32 },
      languages: ['en'],
      tasks: ['transcribe'],
      notFinite: [],
    });
    expect(facts.parameters).toBe((await inspect(moonshineDir('biases-float16'), {})).parameters);
    const model = await MoonshineModel.load(dir);
    expect((await footprintOf(dir)).weightBytes).toBe(model.weightBytes);
    const [clip] = expectedOf('biases-float16').clips;
    if (clip === undefined) throw new Error('no clip');
    const { samples, features } = clip;
    const found = mx.tidy(() =>
      model.deps.model.encoder.forward(mx.array(samples, [1, samples.length])).toTypedArray('float32'),
    );
    const scale = features.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const worst = features.reduce((max, value, i) => Math.max(max, Math.abs(value - (found[i] ?? NaN))), 0);
    expect(worst / scale).toBeLessThan(2e-2);
    expect(worst).toBeGreaterThan(0);
    model.dispose();
  });

  test('quantizes single layers and the ends differently', async () => {
    const dir = await converted({
      bits: 4,
      endBits: 16,
      embeddingBits: 6,
      layers: [{ pattern: 'decoder.layers.1.mlp.*', bits: 8 }],
      dtype: 'float16',
    });
    expect(configIn(dir)).toMatchObject({
      quantization: {
        bits: 4,
        'decoder.embed_tokens': { bits: 6, group_size: 32 },
        'decoder.layers.1.mlp.fc1': { bits: 8, group_size: 32 },
      },
    });
    const model = await MoonshineModel.load(dir);
    expect((await footprintOf(dir)).weightBytes).toBe(model.weightBytes);
    model.dispose();
  });

  test.each<[Partial<ConvertOptions>, string, string]>([
    [{ bits: 8, groupSize: 64 }, '64', 'use a group size of 32'],
    [{ bits: 8, layers: [{ pattern: 'decoder.blocks.*', bits: 4 }] }, 'decoder.blocks.*', 'decoder.layers'],
  ])('refuses %j', async (options, message, hint) => {
    const live = mx.liveArrays();
    await expect(converted({ dtype: 'float16', ...options })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as unknown,
      hint: expect.stringContaining(hint) as unknown,
    });
    expect(mx.liveArrays()).toBe(live);
  });
});
