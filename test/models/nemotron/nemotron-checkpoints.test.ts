/** Conversion and NeMo's config keep the tokens; damaged directories are refused by name; memory is known before loading. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';

import { convert, inspect } from '#daemon/models/nemotron/convert-nemotron.js';
import { NemotronModel } from '#daemon/models/nemotron/index.js';
import { readConfig } from '#daemon/models/nemotron/load-nemotron.js';
import { nemotronFootprint } from '#daemon/models/nemotron/nemotron-footprint.js';
import { familyOf, loadRecognizer } from '#daemon/models/registry.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { TranscribeResult } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../model-fixtures.js';
import { expectedOf, nemotronDir, signalOf, type NemotronCheckpoint } from './nemotron-fixtures.js';

const { signal } = new AbortController();
/** Tokens of tags. */
const [EN_US, DE_DE] = [29, 30];
const made: string[] = [];
afterAll(() => {
  for (const dir of made) rmSync(dir, { recursive: true });
});

function emptyDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'nemotron-out-'));
  made.push(dir);
  return dir;
}

async function tokensOf(dir: string, name: NemotronCheckpoint, options: object = {}): Promise<number[]> {
  const { segments } = await resultOf(dir, name, options);
  return segments.flatMap(({ tokens = [] }) => tokens);
}

/** Of the signal. */
async function resultOf(
  dir: string,
  name: NemotronCheckpoint,
  options: object = {},
): Promise<TranscribeResult> {
  const model = await loadRecognizer(dir);
  try {
    const samples = signalOf(expectedOf(name).samples);
    const events = model.transcribe(streamOf(samples), { vad: false, timestamps: false, ...options }, signal);
    for (;;) {
      const next = await events.next();
      if (next.done === true) return next.value;
    }
  } finally {
    model.dispose();
  }
}

function expectedTokens(name: NemotronCheckpoint, lookahead: number, prompt?: number): number[] {
  const found = expectedOf(name).cases.find((one) => one.lookahead === lookahead && one.prompt === prompt);
  return found?.tokens.map(([token]) => token) ?? [];
}

test('a file has the tokens of transformers, at the look-ahead of the config and at others', async () => {
  const dir = nemotronDir('english');
  expect(await tokensOf(dir, 'english')).toEqual(expectedTokens('english', 6));
  expect(await tokensOf(dir, 'english', { nemotron: { lookaheadMs: 160 } })).toEqual(
    expectedTokens('english', 1),
  );
});

test('the language decides the prompt', async () => {
  const dir = nemotronDir('languages');
  expect(await tokensOf(dir, 'languages')).toEqual(expectedTokens('languages', 1, 101));
  expect(await tokensOf(dir, 'languages', { language: 'de' })).toEqual(expectedTokens('languages', 1, 9));
});

test('a model that detects the language tells it, and its tags are no text', async () => {
  const dir = nemotronDir('languages');
  const detected = await resultOf(dir, 'languages');
  const tokens = expectedTokens('languages', 1, 101);
  expect(tokens.filter((token) => token === EN_US || token === DE_DE)[0]).toBe(DE_DE);
  expect(detected.language).toBe('de');
  expect(detected.text).not.toMatch(/[<>]/);
  expect((await resultOf(dir, 'languages', { language: 'fr' })).language).toBe('fr');
});

test('converted, a model of languages gives the same tokens with the config of NeMo', async () => {
  const [dir, out] = [nemotronDir('languages'), emptyDir()];
  await convert(dir, out, { groupSize: 64, dtype: 'float32' }, {});
  const before = await readConfig(out);
  const inNemo = (fields: object): void => {
    editJson(join(out, 'config.json'), (json) => {
      for (const key of Object.keys(json)) delete json[key];
      Object.assign(json, NEMO_CONFIG_OF_LANGUAGES, fields);
    });
  };
  inNemo({});
  expect(await readConfig(out)).toEqual(before);
  expect(await tokensOf(out, 'languages')).toEqual(expectedTokens('languages', 1, 101));
  expect(await tokensOf(out, 'languages', { language: 'de' })).toEqual(expectedTokens('languages', 1, 9));
  inNemo({ num_prompts: 90 });
  await expect(readConfig(out)).rejects.toThrow(/slot 101/);
  inNemo({ num_prompts: 127 });
  await expect(loadRecognizer(out)).rejects.toThrow(/prompt_kernel\.0\.weight/);
});

test('converted, a model gives the same tokens, also with the config of NeMo', async () => {
  const [dir, out] = [nemotronDir('english'), emptyDir()];
  await convert(dir, out, { groupSize: 64, dtype: 'float32' }, {});
  expect(await tokensOf(out, 'english')).toEqual(expectedTokens('english', 6));
  const facts = await inspect(out, {});
  expect(facts).toMatchObject({
    family: 'nemotron',
    layout: 'mlx',
    dtype: 'float32',
    languages: ['en'],
    notFinite: [],
  });

  const before = await readConfig(out);
  editJson(join(out, 'config.json'), (json) => {
    for (const key of Object.keys(json)) delete json[key];
    Object.assign(json, NEMO_CONFIG);
  });
  expect(await readConfig(out)).toEqual(before);
  expect((await familyOf(out)).name).toBe('nemotron');
  expect(await tokensOf(out, 'english')).toEqual(expectedTokens('english', 6));
});

const NEMO_CONFIG = {
  target: 'nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel',
  preprocessor: { sample_rate: 16_000, normalize: 'NA', features: 80, n_fft: 512, window: 'hann' },
  encoder: {
    feat_in: 80,
    n_layers: 2,
    d_model: 32,
    n_heads: 4,
    ff_expansion_factor: 2,
    subsampling: 'dw_striding',
    subsampling_factor: 8,
    subsampling_conv_channels: 8,
    causal_downsampling: true,
    self_attention_model: 'rel_pos',
    att_context_style: 'chunked_limited',
    att_context_size: [
      [14, 6],
      [14, 1],
    ],
    conv_kernel_size: 9,
    conv_norm_type: 'layer_norm',
    conv_context_size: 'causal',
    xscaling: true,
  },
  decoder: { blank_as_pad: true, prednet: { pred_hidden: 16, pred_rnn_layers: 2 } },
  joint: { num_classes: 32, jointnet: { joint_hidden: 16, activation: 'relu' } },
};

const NEMO_CONFIG_OF_LANGUAGES = {
  ...NEMO_CONFIG,
  target: 'nemo.collections.asr.models.rnnt_bpe_models_prompt.EncDecRNNTBPEModelWithPrompt',
  preprocessor: { ...NEMO_CONFIG.preprocessor, features: 128 },
  encoder: {
    ...NEMO_CONFIG.encoder,
    feat_in: 128,
    att_context_size: [8, 1],
    conv_kernel_size: 5,
    use_bias: false,
    xscaling: false,
  },
  model_defaults: { initialize_prompt_feature: true, prompt_dictionary: { 'de-DE': 9, auto: 101 } },
};

test('weights are counted to the byte before they are loaded', async () => {
  for (const name of ['english', 'languages'] as const) {
    const dir = nemotronDir(name);
    const { weightBytes, workBytes } = await nemotronFootprint(dir);
    const model = await NemotronModel.load(dir);
    expect(model.weightBytes).toBe(weightBytes);
    expect(workBytes).toBeGreaterThan(0);
    model.dispose();
  }
});

function editArrays(dir: string, edit: (arrays: Record<string, MxArray>) => void): void {
  const path = join(dir, 'model.safetensors');
  const { arrays } = mx.loadSafetensors(path);
  const stored = Object.values(arrays);
  mx.eval(stored);
  edit(arrays);
  mx.saveSafetensors(path, arrays);
  mx.dispose([...stored, ...Object.values(arrays)]);
}

const config = (dir: string, edit: (config: Record<string, unknown>) => void): void =>
  editJson(join(dir, 'config.json'), edit);
const encoder = (dir: string, fields: Record<string, unknown>): void =>
  config(dir, (json) => Object.assign(json.encoder_config as object, fields));

test.each<[string, (dir: string) => void, string, string]>([
  ['a missing norm', (dir) => editArrays(dir, (a) => delete a['encoder.layers.1.conv.norm.weight']), 'MODEL_CORRUPT', 'encoder.layers.1.conv.batch_norm.weight'],
  ['an unknown array', (dir) => editArrays(dir, (a) => (a['encoder.extra.weight'] = mx.zeros([2]))), 'MODEL_UNSUPPORTED', 'encoder.extra.weight'],
  ['a misshaped array', (dir) => editArrays(dir, (a) => (a['joint.head.bias'] = mx.zeros([7]))), 'MODEL_CORRUPT', 'joint.joint_net.2.bias'],
  ['a blank in the middle', (dir) => config(dir, (json) => (json.blank_token_id = 3)), 'MODEL_UNSUPPORTED', 'blank_token_id'],
  ['an odd width', (dir) => encoder(dir, { hidden_size: 31 }), 'MODEL_UNSUPPORTED', '31'],
  ['a huge context', (dir) => encoder(dir, { sliding_window: 1_000_000_000 }), 'MODEL_UNSUPPORTED', 'context'],
  ['another subsampling', (dir) => encoder(dir, { subsampling_factor: 4 }), 'MODEL_UNSUPPORTED', 'subsampling_factor'],
  ['no vocabulary', (dir) => rmSync(join(dir, 'tokenizer.json')), 'TOKENIZER_FAILED', 'tokenizer.json'],
])('%s is refused by name', async (_, corrupt, code, message) => {
  const dir = emptyDir();
  cpSync(nemotronDir('english'), dir, { recursive: true });
  corrupt(dir);
  const error = await loadRecognizer(dir).then(
    () => undefined,
    (thrown: unknown) => SottoError.from(thrown),
  );
  expect(error?.code).toBe(code);
  expect(error?.message).toContain(message);
}); // prettier-ignore
