/** Damaged Moonshine directories: the error has the right code and names the file or field and the fault. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { footprintOf, loadRecognizer } from '#daemon/models/registry.js';
import { mx, type MxArray } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { MOONSHINE_CHECKPOINTS, moonshineDir } from './moonshine-dirs.js';

type Arrays = Record<string, MxArray>;
type File = (name: string) => string;

interface Case {
  readonly what: string;
  readonly corrupt: (file: File) => void;
  readonly code: string;
  /** Parts of the message. */
  readonly message: readonly string[];
}

const WEIGHTS = 'model.safetensors';

function arrays(file: File, edit: (arrays: Arrays) => Arrays): void {
  const { arrays: stored } = mx.loadSafetensors(file(WEIGHTS));
  mx.eval(Object.values(stored));
  const edited = edit({ ...stored });
  mx.saveSafetensors(file(WEIGHTS), edited);
  mx.dispose(stored, edited);
}

const without =
  (name: string) =>
  (stored: Arrays): Arrays =>
    Object.fromEntries(Object.entries(stored).filter(([key]) => key !== name));

const config = (file: File, fields: Record<string, unknown>): void =>
  editJson(file('config.json'), (json) => Object.assign(json, fields));

const tokenizer = (file: File, edit: (json: Record<string, unknown>) => void): void =>
  editJson(file('tokenizer.json'), edit);

const CASES: readonly Case[] = [
  {
    what: 'no weights, but a pickle',
    corrupt: (file) => {
      rmSync(file(WEIGHTS));
      writeFileSync(file('pytorch_model.bin'), 'x');
    },
    code: 'MODEL_UNSUPPORTED',
    message: ['pytorch_model.bin', 'pickle'],
  },
  {
    what: 'truncated weights',
    corrupt: (file) => truncateSync(file(WEIGHTS), 20_000),
    code: 'MODEL_CORRUPT',
    message: [WEIGHTS],
  },
  {
    what: 'a missing tensor',
    corrupt: (file) => arrays(file, without('model.decoder.layers.1.encoder_attn.k_proj.weight')),
    code: 'MODEL_CORRUPT',
    message: [WEIGHTS, 'decoder.layers.1.encoder_attn.k_proj.weight'],
  },
  {
    what: 'an unexpected tensor',
    corrupt: (file) =>
      arrays(file, (all) => ({ ...all, 'model.encoder.layers.7.mlp.fc1.bias': mx.zeros([64]) })),
    code: 'MODEL_CORRUPT',
    message: [WEIGHTS, 'encoder.layers.7.mlp.fc1.bias'],
  },
  {
    what: 'a tensor of something else',
    corrupt: (file) => arrays(file, (all) => ({ ...all, 'vocoder.weight': mx.zeros([2]) })),
    code: 'MODEL_UNSUPPORTED',
    message: [WEIGHTS, 'unknown arrays', 'vocoder.weight'],
  },
  {
    what: 'a misshaped tensor',
    corrupt: (file) =>
      arrays(file, (all) => ({ ...all, 'model.encoder.conv2.weight': mx.zeros([32, 16, 5]) })),
    code: 'MODEL_CORRUPT',
    message: ['encoder.conv2.weight', '[32, 7, 16]', '[32, 5, 16]'],
  },
  {
    what: 'an array twice',
    corrupt: (file) => arrays(file, (all) => ({ ...all, 'decoder.norm.weight': mx.zeros([16]) })),
    code: 'MODEL_CORRUPT',
    message: ['decoder.norm.weight', 'the same array'],
  },
  {
    what: 'an output layer of its own',
    corrupt: (file) => arrays(file, (all) => ({ ...all, 'proj_out.weight': mx.zeros([320, 16]) })),
    code: 'MODEL_UNSUPPORTED',
    message: ['proj_out.weight differs from the token embedding'],
  },
  {
    what: 'weights of another family',
    corrupt: (file) => arrays(file, () => ({ 'decoder.token_embedding.weight': mx.zeros([2, 2]) })),
    code: 'MODEL_UNSUPPORTED',
    message: ['not Moonshine weights', 'decoder.token_embedding.weight'],
  },
  ...(
    [
      [{ hidden_size: 1e9 }, 'hidden_size'],
      [{ encoder_num_hidden_layers: 0 }, 'encoder_num_hidden_layers'],
      [{ vocab_size: 2.5 }, 'vocab_size'],
      [{ hidden_size: 17 }, 'hidden_size: 17 is not divisible by 2 heads'],
      [{ encoder_num_attention_heads: 4 }, 'encoder_num_attention_heads: 4 must equal'],
      [{ decoder_num_key_value_heads: 1 }, 'decoder_num_key_value_heads: 1 must be 2'],
      [{ decoder_hidden_act: 'relu' }, 'decoder_hidden_act'],
      [{ tie_word_embeddings: false }, 'tie_word_embeddings'],
      [{ eos_token_id: 320 }, 'eos_token_id: 320 is not in a vocabulary of 320'],
      [{ decoder_start_token_id: -1 }, 'decoder_start_token_id'],
      [{ rope_parameters: { rope_type: 'yarn' } }, 'rope_parameters.rope_type'],
      [{ rope_parameters: { rope_theta: 0 } }, 'rope_parameters.rope_theta'],
      [{ rope_parameters: null, partial_rotary_factor: 0.01 }, 'partial_rotary_factor'],
      [{ quantization: { bits: 7, group_size: 32 } }, 'quantization.bits'],
    ] as const
  ).map(([fields, message]): Case => ({
    what: `config ${JSON.stringify(fields)}`,
    corrupt: (file) => config(file, fields),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', message],
  })),
  {
    what: 'no tokenizer',
    corrupt: (file) => rmSync(file('tokenizer.json')),
    code: 'MODEL_NOT_FOUND',
    message: ['tokenizer.json'],
  },
  {
    what: 'a tokenizer that is not JSON',
    corrupt: (file) =>
      writeFileSync(file('tokenizer.json'), readFileSync(file('tokenizer.json')).subarray(0, 99)),
    code: 'TOKENIZER_FAILED',
    message: ['tokenizer.json', 'not JSON'],
  },
  {
    what: 'a tokenizer of another kind',
    corrupt: (file) =>
      tokenizer(file, (json) => Object.assign(json, { model: { type: 'WordPiece', vocab: {} } })),
    code: 'TOKENIZER_FAILED',
    message: ['tokenizer.json', 'model.type'],
  },
  {
    what: 'a token beyond the embedding',
    corrupt: (file) =>
      tokenizer(file, (json) => Object.assign((json.model as { vocab: object }).vocab, { beyond: 320 })),
    code: 'TOKENIZER_FAILED',
    message: ['"beyond" has id 320', '320 tokens'],
  },
];

describe('a damaged model directory', () => {
  test.each(CASES)('with $what is refused', async ({ corrupt, code, message }) => {
    const dir = moonshineDir('odd-rotary');
    corrupt((name) => join(dir, name));
    const live = mx.liveArrays();
    const error: unknown = await loadRecognizer(dir).then(
      (model) => model.dispose(),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    for (const part of message) expect((error as Error).message).toContain(part);
    expect(mx.liveArrays()).toBe(live);
  });

  test('with a missing shard is refused', async () => {
    const dir = moonshineDir('biases-float16');
    rmSync(join(dir, 'model-00002-of-00003.safetensors'));
    await expect(loadRecognizer(dir)).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: expect.stringContaining('model-00002-of-00003.safetensors is missing') as unknown,
    });
  });
});

describe('the footprint', () => {
  test.each(MOONSHINE_CHECKPOINTS)('of %s has the weights to the byte', async (name) => {
    const dir = moonshineDir(name);
    const { weightBytes } = await footprintOf(dir);
    const model = await loadRecognizer(dir);
    expect(weightBytes).toBe(model.weightBytes);
    model.dispose();
  });
});
