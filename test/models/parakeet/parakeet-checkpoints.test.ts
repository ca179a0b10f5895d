/** Conversion keeps what the model hears; damaged directories are refused by name. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { convert, inspect } from '#daemon/models/parakeet/convert-parakeet.js';
import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx, type MxArray } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { clip, samplesOf, streamOf } from '../model-fixtures.js';
import {
  emptyParakeetDir,
  PARAKEET_CHECKPOINTS,
  parakeetDir,
  parakeetExpected,
  type ParakeetCheckpointName,
} from './parakeet-fixtures.js';
import { SMALL_HYBRID, writeRandomParakeet } from './random-parakeet.js';

const { signal } = new AbortController();

async function tokensOf(dir: string, options: TranscribeOptions = {}): Promise<number[]> {
  const model = await ParakeetModel.load(dir);
  try {
    const events = model.transcribe(
      streamOf(await samplesOf(clip('jfk.flac') ?? '')),
      { vad: false, ...options },
      signal,
    );
    for (;;) {
      const next = await events.next();
      if (next.done === true) return next.value.segments.flatMap(({ tokens = [] }) => tokens);
    }
  } finally {
    model.dispose();
  }
}

describe.each(PARAKEET_CHECKPOINTS)('%s', (name) => {
  test('converted to float32 in the layout of mlx-community, gives the same tokens', async () => {
    const out = emptyParakeetDir();
    await convert(parakeetDir(name), out, { groupSize: 64, dtype: 'float32' }, {});
    const { tokens, ctc } = parakeetExpected(name);
    expect(await tokensOf(out)).toEqual(tokens.length > 0 ? tokens.map(([id]) => id) : ctc);
    const facts = await inspect(out, {});
    expect(facts).toMatchObject({ family: 'parakeet', dtype: 'float32', languages: ['en'], notFinite: [] });
  });
});

test('local attention of a config is kept by a conversion, and equals that of the option', async () => {
  const whole = parakeetDir('rnnt-nemo');
  const local = parakeetDir('rnnt-nemo');
  editJson(join(local, 'config.json'), ({ encoder }) => {
    Object.assign(encoder as object, {
      self_attention_model: 'rel_pos_local_attn',
      att_context_size: [4, 4],
    });
  });
  const out = emptyParakeetDir();
  await convert(local, out, { groupSize: 64, dtype: 'float32' }, {});
  const tokens = await tokensOf(local);
  expect(await tokensOf(out)).toEqual(tokens);
  expect(await tokensOf(whole, { parakeet: { localAttention: [4, 4] } })).toEqual(tokens);
  expect(await tokensOf(whole)).not.toEqual(tokens);
});

test('quantized to 8 bits, the encoder stays within 2 % of its range', async () => {
  const dir = emptyParakeetDir();
  writeRandomParakeet(dir, SMALL_HYBRID, 'float32');
  const out = emptyParakeetDir();
  await convert(dir, out, { bits: 8, groupSize: 64, dtype: 'float32' }, {});
  const mel = mx.tidy(() => mx.random.normal([1, 160, 80], { key: mx.random.key(1) }));
  const encoded: Float32Array[] = [];
  for (const each of [dir, out]) {
    const model = await ParakeetModel.load(each);
    encoded.push(mx.tidy(() => model.deps.model.encoder.forward(mel).toTypedArray('float32')));
    model.dispose();
  }
  mel.dispose();
  const [whole = new Float32Array(0), quantized = new Float32Array(0)] = encoded;
  const squares = (x: Float32Array): number => x.reduce((sum, value) => sum + value ** 2, 0);
  const error = squares(whole.map((x, i) => x - (quantized[i] ?? NaN)));
  expect(Math.sqrt(error / squares(whole))).toBeLessThan(0.02);
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

interface Case {
  readonly what: string;
  readonly of: ParakeetCheckpointName;
  readonly corrupt: (dir: string) => void;
  readonly code: string;
  /** Parts of the message. */
  readonly message: readonly string[];
}

const json = (dir: string, edit: (config: Record<string, unknown>) => void): void =>
  editJson(join(dir, 'config.json'), edit);
const section = (config: Record<string, unknown>, name: string): Record<string, unknown> =>
  config[name] as Record<string, unknown>;

const CASES: readonly Case[] = [
  {
    what: 'a missing running variance',
    of: 'ctc-huggingface',
    corrupt: (dir) => editArrays(dir, (a) => delete a['encoder.layers.1.conv.norm.running_var']),
    code: 'MODEL_CORRUPT',
    message: ['model.safetensors', 'encoder.layers.1.conv.batch_norm.running_var'],
  },
  {
    what: 'a missing projection',
    of: 'tdt-huggingface',
    corrupt: (dir) => editArrays(dir, (a) => delete a['encoder.layers.0.self_attn.relative_k_proj.weight']),
    code: 'MODEL_CORRUPT',
    message: ['encoder.layers.0.self_attn.linear_pos.weight'],
  },
  {
    what: 'an unknown array',
    of: 'tdt-huggingface',
    corrupt: (dir) => editArrays(dir, (a) => (a['encoder.extra.weight'] = mx.zeros([2]))),
    code: 'MODEL_UNSUPPORTED',
    message: ['encoder.extra.weight'],
  },
  {
    what: 'an array that NeMo does not have',
    of: 'rnnt-nemo',
    corrupt: (dir) => editArrays(dir, (a) => (a['joint.extra'] = mx.zeros([2]))),
    code: 'MODEL_CORRUPT',
    message: ['joint.extra'],
  },
  {
    what: 'a recurrent layer without its second bias',
    of: 'rnnt-nemo',
    corrupt: (dir) => editArrays(dir, (a) => delete a['decoder.prediction.dec_rnn.lstm.bias_hh_l0']),
    code: 'MODEL_CORRUPT',
    message: ['decoder.prediction.dec_rnn.lstm.0.bias_hh'],
  },
  {
    what: 'another width of a joint',
    of: 'hybrid-mlx',
    corrupt: (dir) => editArrays(dir, (a) => (a['joint.enc.weight'] = mx.zeros([16, 8], 'float16'))),
    code: 'MODEL_CORRUPT',
    message: ['joint.enc.weight'],
  },
  {
    what: 'a batch norm of another width',
    of: 'hybrid-mlx',
    corrupt: (dir) =>
      editArrays(dir, (a) => (a['encoder.layers.0.conv.batch_norm.bias'] = mx.zeros([3], 'float16'))),
    code: 'MODEL_CORRUPT',
    message: ['encoder.layers.0.conv.batch_norm'],
  },
  {
    what: 'pickled weights',
    of: 'rnnt-nemo',
    corrupt: (dir) => renameSync(join(dir, 'model.safetensors'), join(dir, 'model_weights.ckpt')),
    code: 'MODEL_UNSUPPORTED',
    message: ['model_weights.ckpt', 'pickle'],
  },
  {
    what: 'an archive of NeMo for weights',
    of: 'rnnt-nemo',
    corrupt: (dir) => renameSync(join(dir, 'model.safetensors'), join(dir, 'model.nemo')),
    code: 'MODEL_UNSUPPORTED',
    message: ['model.nemo', 'NeMo archives'],
  },
  {
    what: 'nothing but an archive of NeMo',
    of: 'rnnt-nemo',
    corrupt: (dir) => {
      renameSync(join(dir, 'model.safetensors'), join(dir, 'model.nemo'));
      rmSync(join(dir, 'config.json'));
    },
    code: 'MODEL_UNSUPPORTED',
    message: ['model.nemo', 'NeMo archives'],
  },
  {
    what: 'a causal encoder',
    of: 'hybrid-mlx',
    corrupt: (dir) => json(dir, (c) => (section(c, 'encoder').causal_downsampling = true)),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'encoder.causal_downsampling'],
  },
  {
    what: 'local attention without a context',
    of: 'hybrid-mlx',
    corrupt: (dir) => json(dir, (c) => (section(c, 'encoder').self_attention_model = 'rel_pos_local_attn')),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'self_attention_model'],
  },
  {
    what: 'a blank that is not the last id',
    of: 'tdt-huggingface',
    corrupt: (dir) => json(dir, (c) => (c.blank_token_id = 2)),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'blank_token_id'],
  },
  {
    what: 'a negative number of layers',
    of: 'ctc-huggingface',
    corrupt: (dir) => json(dir, (c) => (section(c, 'encoder_config').num_hidden_layers = -1)),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'encoder_config.num_hidden_layers'],
  },
  {
    what: 'a vocabulary of another size',
    of: 'rnnt-nemo',
    corrupt: (dir) => json(dir, (c) => (section(c, 'joint').vocabulary = ['a', 'b'])),
    code: 'MODEL_CORRUPT',
    message: ['decoder.prediction.embed.weight'],
  },
  {
    what: 'no tokenizer',
    of: 'tdt-huggingface',
    corrupt: (dir) => rmSync(join(dir, 'tokenizer.json')),
    code: 'TOKENIZER_FAILED',
    message: ['tokenizer.json'],
  },
  {
    what: 'a tokenizer that is not JSON',
    of: 'tdt-huggingface',
    corrupt: (dir) => writeFileSync(join(dir, 'tokenizer.json'), '{'),
    code: 'TOKENIZER_FAILED',
    message: ['tokenizer.json'],
  },
];

test.each(CASES)('$what is refused', async ({ of, corrupt, code, message }) => {
  const before = mx.liveArrays();
  const dir = parakeetDir(of);
  corrupt(dir);
  const error: unknown = await loadRecognizer(dir).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code });
  for (const part of message) expect((error as Error).message).toContain(part);
  expect(mx.liveArrays()).toBe(before);
});
