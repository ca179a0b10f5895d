/** Directories of Wav2Vec2 models: refused if broken, converted, measured. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { familyOf, footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { readTokenizerFiles } from '#daemon/models/wav2vec2/tokenizer-files.js';
import { openCheckpoint, readConfig } from '#daemon/models/wav2vec2/wav2vec2-checkpoint.js';
import { POSITIONS_WEIGHT } from '#daemon/models/wav2vec2/wav2vec2-namings.js';
import { MAX_PIECE_SECONDS } from '#daemon/models/wav2vec2/wav2vec2-capabilities.js';
import { mx, type MxArray } from '#native/index.js';

import { editJson, emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { editArrayFile } from '../checkpoint/edit-arrays.js';
import {
  expectedOutput,
  idsOf,
  NAMES,
  testSamples,
  transcribedAll,
  wav2vec2Dir,
  type Name,
} from './wav2vec2-fixtures.js';

interface Case {
  readonly what: string;
  readonly of?: Name;
  readonly corrupt: (file: (name: string) => string) => void;
  readonly code?: string;
  readonly message: string;
}

const WEIGHTS = 'model.safetensors';
const config = (edit: (json: Record<string, unknown>) => void) => (file: (name: string) => string) =>
  editJson(file('config.json'), edit);
const weights = (edit: (arrays: Record<string, MxArray>) => void) => (file: (name: string) => string) =>
  editArrayFile(file(WEIGHTS), edit);

const CASES: readonly Case[] = [
  {
    what: 'a missing array',
    corrupt: weights((arrays) => delete arrays['wav2vec2.encoder.layers.1.attention.q_proj.weight']),
    message: 'wav2vec2.encoder.layers.1.attention.q_proj.weight',
  },
  {
    what: 'a missing head',
    corrupt: weights((arrays) => delete arrays['lm_head.bias']),
    message: 'lm_head.bias',
  },
  {
    what: 'an unexpected array',
    corrupt: weights((arrays) => (arrays['wav2vec2.encoder.layers.2.layer_norm.weight'] = mx.zeros([32]))),
    message: 'wav2vec2.encoder.layers.2.layer_norm.weight',
  },
  {
    what: 'an array of another network',
    corrupt: weights((arrays) => (arrays['decoder.embed.weight'] = mx.zeros([4]))),
    code: 'MODEL_UNSUPPORTED',
    message: 'decoder.embed.weight',
  },
  {
    what: 'a wrong shape',
    corrupt: weights((arrays) => (arrays['lm_head.weight'] = mx.zeros([31, 32]))),
    message: 'lm_head.weight',
  },
  {
    what: 'half of a weight norm',
    corrupt: weights((arrays) => delete arrays['wav2vec2.encoder.pos_conv_embed.conv.weight_g']),
    message: 'weight norm',
  },
  {
    what: 'no positional convolution',
    corrupt: weights((arrays) => {
      delete arrays['wav2vec2.encoder.pos_conv_embed.conv.weight_g'];
      delete arrays['wav2vec2.encoder.pos_conv_embed.conv.weight_v'];
    }),
    message: 'wav2vec2.encoder.pos_conv_embed.conv.weight',
  },
  {
    what: 'magnitudes of another length',
    corrupt: weights(
      (arrays) => (arrays['wav2vec2.encoder.pos_conv_embed.conv.weight_g'] = mx.zeros([1, 1, 3])),
    ),
    message: 'magnitudes',
  },
  {
    what: 'pickled weights',
    corrupt: (file) => renameSync(file(WEIGHTS), file('pytorch_model.bin')),
    code: 'MODEL_UNSUPPORTED',
    message: 'pickle',
  },
  {
    what: 'a network without a CTC head',
    corrupt: config((json) => (json.architectures = ['Wav2Vec2ForSequenceClassification'])),
    code: 'MODEL_UNSUPPORTED',
    message: 'Wav2Vec2ForSequenceClassification',
  },
  {
    what: 'heads that don’t divide the width',
    corrupt: config((json) => (json.num_attention_heads = 5)),
    code: 'MODEL_UNSUPPORTED',
    message: 'num_attention_heads',
  },
  {
    what: 'lists of different lengths',
    corrupt: config((json) => (json.conv_stride = [5, 2])),
    code: 'MODEL_UNSUPPORTED',
    message: 'conv_stride',
  },
  {
    what: 'a negative size',
    corrupt: config((json) => (json.num_hidden_layers = -1)),
    code: 'MODEL_UNSUPPORTED',
    message: 'num_hidden_layers',
  },
  {
    what: 'another activation',
    corrupt: config((json) => (json.hidden_act = 'relu')),
    code: 'MODEL_UNSUPPORTED',
    message: 'hidden_act',
  },
  {
    what: 'no vocabulary',
    corrupt: (file) => rmSync(file('vocab.json')),
    message: 'vocab.json is missing',
  },
  {
    what: 'a vocabulary without a blank',
    corrupt: (file) => editJson(file('vocab.json'), (json) => delete json['<pad>']),
    message: 'no blank token <pad>',
  },
  {
    what: 'an id outside the head',
    corrupt: (file) => editJson(file('vocab.json'), (json) => (json.Z = 99)),
    message: 'Z is token 99 of 32',
  },
  {
    what: 'two tokens of one id',
    corrupt: (file) => editJson(file('vocab.json'), (json) => (json.Z = 6)),
    message: 'both token 6',
  },
  {
    what: 'another sample rate',
    corrupt: (file) => editJson(file('preprocessor_config.json'), (json) => (json.sampling_rate = 8000)),
    code: 'MODEL_UNSUPPORTED',
    message: 'sampling_rate',
  },
  {
    what: 'phonemes',
    corrupt: (file) =>
      editJson(
        file('tokenizer_config.json'),
        (json) => (json.tokenizer_class = 'Wav2Vec2PhonemeCTCTokenizer'),
      ),
    code: 'MODEL_UNSUPPORTED',
    message: 'phonemes',
  },
];

describe('refused', () => {
  test.each(CASES)('$what', async ({ of = 'base', corrupt, code = 'MODEL_CORRUPT', message }) => {
    const dir = wav2vec2Dir(of);
    corrupt((name) => join(dir, name));
    const live = mx.liveArrays();
    const error = await loadRecognizer(dir).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(message);
    expect(mx.liveArrays()).toBe(live);
  });

  test.each([
    ['a missing array', (arrays: Record<string, MxArray>) => delete arrays['lm_head.bias'], 'lm_head.bias'],
    [
      'a wrong width',
      (arrays: Record<string, MxArray>) =>
        (arrays['wav2vec2.encoder.layers.0.adapter_layer.linear_1.weight'] = mx.zeros([4, 32])),
      'adapter_layer.linear_1.weight',
    ],
  ])('adapters with %s; the other language still works', async (_, edit, message) => {
    const dir = wav2vec2Dir('mms');
    editArrayFile(join(dir, 'adapter.deu.safetensors'), edit);
    const model = await loadRecognizer(dir);
    const error = await transcribedAll(model, testSamples(), { language: 'de' }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({ code: 'MODEL_CORRUPT' });
    expect((error as Error).message).toContain(message);
    const { tokens } = expectedOutput('mms');
    expect(idsOf(await transcribedAll(model, testSamples(), { language: 'en' }))).toEqual(
      tokens.map(([id]) => id),
    );
    model.dispose();
  });
});

describe('converted', () => {
  test.each(NAMES)('%s to float32 has the same tokens, and is converted again to the same', async (name) => {
    const [dir, out, again] = [wav2vec2Dir(name), emptyDir(), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { groupSize: 32, dtype: 'float32' }, {});
    const model = await loadRecognizer(out);
    const { tokens, adapters } = expectedOutput(name);
    expect(idsOf(await transcribedAll(model, testSamples()))).toEqual(tokens.map(([id]) => id));
    if (adapters) {
      const german = await transcribedAll(model, testSamples(), { language: 'de' });
      expect(idsOf(german)).toEqual(adapters.deu?.tokens.map(([id]) => id));
    }
    model.dispose();
    await family.convert(out, again, { groupSize: 32, dtype: 'float32' }, {});
    expect(readdirSync(again).sort()).toEqual(readdirSync(out).sort());
    expect(
      readFileSync(join(again, 'weights.safetensors')).equals(readFileSync(join(out, 'weights.safetensors'))),
    ).toBe(true);
  });

  test.each(['base', 'mms'] as const)('%s to 8 bits is described and loads', async (name) => {
    const [dir, out] = [wav2vec2Dir(name), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { bits: 8, groupSize: 32, dtype: 'float16' }, {});
    const facts = await family.inspect(out, {});
    expect(facts).toMatchObject({
      family: 'wav2vec2',
      layout: 'mlx',
      quantization: { bits: 8, groupSize: 32 },
      tasks: ['transcribe'],
      notFinite: [],
    });
    expect(facts.parameters).toBe((await family.inspect(dir, {})).parameters);
    const model = await loadRecognizer(out);
    expect((await footprintOf(out)).weightBytes).toBe(model.weightBytes);
    expect(idsOf(await transcribedAll(model, testSamples())).length).toBeGreaterThan(10);
    model.dispose();
  });

  test('NaN weights are named', async () => {
    const dir = wav2vec2Dir('base');
    editArrayFile(join(dir, WEIGHTS), (arrays) => {
      arrays['lm_head.bias'] = mx.full([32], NaN);
    });
    const family = await familyOf(dir);
    expect((await family.inspect(dir, {})).notFinite).toEqual(['lm_head.bias']);
    const model = await loadRecognizer(dir);
    await expect(transcribedAll(model, testSamples())).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
    model.dispose();
  });
});

test('processor_config.json counts more than preprocessor_config.json', () => {
  const dir = wav2vec2Dir('base');
  const file = join(dir, 'processor_config.json');
  const normalizes = (): boolean => readTokenizerFiles(dir).normalizes;
  editJson(join(dir, 'preprocessor_config.json'), (json) => (json.do_normalize = true));
  writeFileSync(file, '{"processor_class": "Wav2Vec2Processor"}');
  expect(normalizes()).toBe(true);
  writeFileSync(file, '{"feature_extractor": {"do_normalize": false, "sampling_rate": 16000}}');
  expect(normalizes()).toBe(false);
  writeFileSync(file, '{"feature_extractor": {"sampling_rate": 8000}}');
  expect(normalizes).toThrow(/processor_config\.json: feature_extractor\.sampling_rate/);
});

test('the folded kernel of a checkpoint in bfloat16 is not rounded again', async () => {
  const dir = wav2vec2Dir('large-stable');
  editArrayFile(join(dir, WEIGHTS), (arrays) => {
    for (const [name, array] of Object.entries(arrays)) arrays[name] = array.astype('bfloat16');
  });
  const checkpoint = await openCheckpoint(dir, await readConfig(dir));
  const kernel = await checkpoint.array(POSITIONS_WEIGHT);
  const [rounded, whole] = ['bfloat16', 'float32'].map((dtype) =>
    kernel
      .astype(dtype as 'float32')
      .astype('float32')
      .toTypedArray('float32'),
  );
  expect(whole).not.toEqual(rounded);
  kernel.dispose();
  checkpoint.close();
});

describe('the footprint', () => {
  test.each(NAMES)(
    'of %s: weights to the byte, work within 5 % of the peak of a longest piece',
    async (name) => {
      const dir = wav2vec2Dir(name);
      const predicted = await footprintOf(dir);
      const before = mx.memory.active();
      const model = await loadRecognizer(dir);
      expect(predicted.weightBytes).toBe(model.weightBytes);
      mx.memory.resetPeak();
      await transcribedAll(
        model,
        new Float32Array(MAX_PIECE_SECONDS * 16_000).map((_, n) => Math.sin(0.1 * n)),
      );
      const measured = mx.memory.peak() - before;
      expect(Math.abs((predicted.weightBytes + predicted.workBytes) / measured - 1)).toBeLessThan(0.05);
      model.dispose();
    },
  );

  test('fails with the code of loading', async () => {
    const dir = wav2vec2Dir('base');
    writeFileSync(join(dir, WEIGHTS), 'short');
    await expect(footprintOf(dir)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    rmSync(join(dir, WEIGHTS));
    await expect(footprintOf(dir)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
  });
});
