/** Lyra through the interface of all codecs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { parseLyraConfig } from '#daemon/models/codecs/lyra/lyra-config.js';
import { footprintOf } from '#daemon/models/registry.js';
import { mx } from '#native/index.js';

import { editJson } from '../../checkpoint/checkpoint-dirs.js';
import { renameArrays } from '../../checkpoint/edit-safetensors.js';
import { streamOf } from '../../model-fixtures.js';
import { allSamples, distance, unpacked } from '../codec-fixtures.js';
import { describeCodec, loadCodec } from '../describe-codec.js';
import { bundledLyra, expectedLyra, lyraDir, speech } from './lyra-fixtures.js';

const { signal } = new AbortController();

test('encodes and decodes speech', async () => {
  const model = await loadCodec(bundledLyra);
  const live = mx.liveArrays();
  const { codes, audio } = expectedLyra();
  const encoded = await encodeAll(model, streamOf(speech()), {}, signal);
  expect(encoded).toEqual({ codes, samples: 60 * 320 });
  expect(distance(await allSamples(model.decode(encoded, signal)), unpacked(audio))).toBeLessThan(1e-4);
  expect(mx.liveArrays()).toBe(live);
  model.dispose();
});

test.each([
  [46, 9200],
  [30, 6000],
  [16, 3200],
])('%d codebooks are %d bits a second', async (codebooks, bits) => {
  const model = await loadCodec(bundledLyra);
  const { codebookSize = NaN, framesPerSecond = NaN } = model.capabilities.codec ?? {};
  expect(codebooks * framesPerSecond * Math.log2(codebookSize)).toBe(bits);
  const encoded = await encodeAll(model, streamOf(speech()), { codebooks }, signal);
  expect([encoded.codes.length, encoded.codes[0]?.length]).toEqual([codebooks, 60]);
  model.dispose();
});

test('refuses more codebooks than there are, and a weight that is there twice', async () => {
  const model = await loadCodec(bundledLyra);
  const run = encodeAll(model, streamOf(speech()), { codebooks: 47 }, signal);
  await expect(run).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  model.dispose();
  const dir = lyraDir();
  renameArrays(join(dir, 'model.safetensors'), (name) =>
    name.replace('encoder.layers.17.conv.weight_scales', 'encoder.layers.17.conv.weight'),
  );
  await expect(loadCodec(dir)).rejects.toMatchObject({
    code: 'MODEL_CORRUPT',
    message: expect.stringContaining('encoder.layers.17.conv.weight') as unknown,
  });
});

test.each([
  ['hidden_size', 63],
  ['num_filters', 4096],
  ['stride', 65],
  ['downsampling_ratios', []],
  ['dilations', [0]],
  ['negative_slope', -1],
])('refuses a config with %s = %j', (field, value) => {
  const json = JSON.parse(readFileSync(join(bundledLyra, 'config.json'), 'utf8')) as object;
  expect(() => parseLyraConfig({ ...json, [field]: value })).toThrow(field);
});

test('a config of fewer codebooks than there are names the others', async () => {
  const dir = lyraDir();
  editJson(join(dir, 'config.json'), (json) => (json.num_quantizers = 45));
  await expect(footprintOf(dir).then(() => loadCodec(dir))).rejects.toThrow('quantizer.layers.45');
});

describeCodec(lyraDir, { layout: 'mlx', seconds: 3 });
