/** Damaged model directories: the error has the right code and names the file and the fault. */
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { loadRecognizer } from '#daemon/models/registry.js';
import { mx, type MxArray } from '#native/index.js';

import { checkpointDir, editJson, emptyDir } from './checkpoint-dirs.js';
import { buildZip } from './build-zip.js';

/** Rewrites the arrays of a safetensors file. */
function editArrays(path: string, edit: (arrays: Record<string, MxArray>) => void): void {
  const { arrays } = mx.loadSafetensors(path);
  mx.eval(Object.values(arrays));
  edit(arrays);
  mx.saveSafetensors(path, arrays);
  mx.dispose(arrays);
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(path, bytes);
}

const npy = (head: string, elements = Buffer.alloc(4)): Buffer => {
  const bytes = Buffer.from(`\u0093NUMPY\u0001\u0000..${head}`, 'latin1');
  bytes.writeUInt16LE(head.length, 8);
  return Buffer.concat([bytes, elements]);
};
const float4 = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";

type Code = 'MODEL_CORRUPT' | 'MODEL_UNSUPPORTED' | 'MODEL_NOT_FOUND';
interface Case {
  readonly what: string;
  readonly of: string;
  readonly corrupt: (file: (name: string) => string) => void;
  readonly code: Code;
  /** Parts of the message. */
  readonly message: readonly string[];
}

const shard = 'model-00002-of-00004.safetensors';

const CASES: readonly Case[] = [
  {
    what: 'no config',
    of: 'huggingface',
    corrupt: (file) => rmSync(file('config.json')),
    code: 'MODEL_NOT_FOUND',
    message: ['config.json'],
  },
  {
    what: 'no weights',
    of: 'huggingface',
    corrupt: (file) => rmSync(file('model.safetensors')),
    code: 'MODEL_CORRUPT',
    message: ['found no weights.safetensors'],
  },
  {
    what: 'pickled weights',
    of: 'huggingface',
    corrupt: (file) => renameSync(file('model.safetensors'), file('pytorch_model.bin')),
    code: 'MODEL_UNSUPPORTED',
    message: ['pytorch_model.bin', 'pickle'],
  },
  {
    what: 'another activation',
    of: 'huggingface',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.activation_function = 'relu')),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'activation_function'],
  },
  {
    what: 'an unsupported width inside a block',
    of: 'huggingface',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.decoder_ffn_dim = 96)),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'decoder_ffn_dim'],
  },
  {
    what: 'a quantization other than MLX’s',
    of: 'huggingface',
    corrupt: (file) =>
      editJson(file('config.json'), (c) => (c.quantization_config = { quant_method: 'gptq', bits: 4 })),
    code: 'MODEL_UNSUPPORTED',
    message: ['config.json', 'quantization_config'],
  },
  {
    what: 'more layers in the config than in the weights',
    of: 'distil-bfloat16',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.decoder_layers = 2)),
    code: 'MODEL_CORRUPT',
    message: ['model.safetensors', 'missing', 'decoder.blocks.1'],
  },
  {
    what: 'fewer layers in the config than in the weights',
    of: 'huggingface',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.decoder_layers = 1)),
    code: 'MODEL_CORRUPT',
    message: ['unexpected', 'decoder.blocks.1'],
  },
  {
    what: 'mel bands that do not match the weights',
    of: 'huggingface',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.num_mel_bins = 128)),
    code: 'MODEL_CORRUPT',
    message: ['encoder.conv1.weight', '[32, 3, 128]'],
  },
  {
    what: 'an array of another network',
    of: 'huggingface',
    corrupt: (file) =>
      editArrays(file('model.safetensors'), (a) => (a['model.encoder.layers.0.lora_A'] = mx.zeros([2]))),
    code: 'MODEL_UNSUPPORTED',
    message: ['model.safetensors', 'model.encoder.layers.0.lora_A'],
  },
  {
    what: 'no Whisper arrays',
    of: 'mlx',
    corrupt: (file) => mx.saveSafetensors(file('weights.safetensors'), { 'lstm.weight': mx.zeros([2]) }),
    code: 'MODEL_UNSUPPORTED',
    message: ['weights.safetensors', 'lstm.weight'],
  },
  {
    what: 'learned positions',
    of: 'huggingface',
    corrupt: (file) =>
      editArrays(
        file('model.safetensors'),
        (a) => (a['model.encoder.embed_positions.weight'] = mx.ones([24, 32])),
      ),
    code: 'MODEL_UNSUPPORTED',
    message: ['model.safetensors', 'positions'],
  },
  {
    what: 'an untied output layer',
    of: 'huggingface',
    corrupt: (file) =>
      editArrays(file('model.safetensors'), (a) => (a['proj_out.weight'] = mx.ones([51865, 32]))),
    code: 'MODEL_UNSUPPORTED',
    message: ['proj_out.weight'],
  },
  {
    what: 'quantized weights missing from the config',
    of: 'mlx-4bit',
    corrupt: (file) => editJson(file('config.json'), (c) => delete c.quantization),
    code: 'MODEL_CORRUPT',
    message: ['weights.safetensors', 'scales'],
  },
  {
    what: 'quantized weights with other bits',
    of: 'mlx-4bit',
    corrupt: (file) => editJson(file('config.json'), (c) => (c.quantization = { group_size: 32, bits: 8 })),
    code: 'MODEL_CORRUPT',
    message: ['weights.safetensors', 'with a different shape'],
  },
  {
    what: 'a truncated file',
    of: 'mlx',
    corrupt: (file) => truncateSync(file('weights.safetensors'), 100_000),
    code: 'MODEL_CORRUPT',
    message: ['weights.safetensors'],
  },
  {
    what: 'a missing shard',
    of: 'huggingface-sharded',
    corrupt: (file) => rmSync(file(shard)),
    code: 'MODEL_CORRUPT',
    message: [shard, 'missing'],
  },
  {
    what: 'a truncated shard',
    of: 'huggingface-sharded',
    corrupt: (file) => truncateSync(file(shard), 2_000),
    code: 'MODEL_CORRUPT',
    message: [shard],
  },
  {
    what: 'an index that is not JSON',
    of: 'huggingface-sharded',
    corrupt: (file) => writeFileSync(file('model.safetensors.index.json'), '{'),
    code: 'MODEL_CORRUPT',
    message: ['model.safetensors.index.json'],
  },
  {
    what: 'an index with a path outside the directory',
    of: 'huggingface-sharded',
    corrupt: (file) =>
      editJson(file('model.safetensors.index.json'), (index) => {
        index.weight_map = { 'model.decoder.layer_norm.bias': '../model.safetensors' };
      }),
    code: 'MODEL_CORRUPT',
    message: ['model.safetensors.index.json', '../model.safetensors'],
  },
  {
    what: 'an index without an array of its shards',
    of: 'huggingface-sharded',
    corrupt: (file) =>
      editJson(file('model.safetensors.index.json'), (index) => {
        const { 'model.decoder.layer_norm.bias': _, ...rest } = index.weight_map as Record<string, string>;
        index.weight_map = rest;
      }),
    code: 'MODEL_CORRUPT',
    message: ['model.decoder.layer_norm.bias'],
  },
  {
    what: 'an index with an array missing from the shards',
    of: 'huggingface-sharded',
    corrupt: (file) =>
      editJson(file('model.safetensors.index.json'), (index) => {
        index.weight_map = { ...(index.weight_map as Record<string, string>), 'model.more': shard };
      }),
    code: 'MODEL_CORRUPT',
    message: ['model.more'],
  },
  {
    what: 'a truncated zip',
    of: 'mlx-npz',
    corrupt: (file) => truncateSync(file('weights.npz'), 100_000),
    code: 'MODEL_CORRUPT',
    message: ['weights.npz'],
  },
  {
    what: 'a flipped bit in a zip',
    of: 'mlx-npz',
    corrupt: (file) => flip(file('weights.npz'), 3_000_000),
    code: 'MODEL_CORRUPT',
    message: ['weights.npz', 'checksum'],
  },
  ...(
    [
      ['a path outside the zip', { '../x.npy': npy(float4) }, 'invalid relative path'],
      ['a zip of other files', { 'notes.txt': Buffer.from('hello') }, 'notes.txt'],
      ['an invalid array', { 'decoder.token_embedding.weight.npy': Buffer.alloc(40) }, 'NumPy'],
      [
        'an array of objects',
        {
          'decoder.token_embedding.weight.npy': npy(
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
          ),
        },
        'malformed',
      ],
      [
        'an array of big-endian numbers',
        {
          'decoder.token_embedding.weight.npy': npy(float4.replace('<', '>')),
        },
        '>f4',
      ],
      [
        'an array with fewer bytes than its shape needs',
        { 'decoder.token_embedding.weight.npy': npy(float4.replace('(1,)', '(51865, 4096)')) },
        'needs 849756160 bytes',
      ],
    ] as const
  ).map(([what, entries, message]): Case => ({
    what,
    of: 'mlx-npz',
    corrupt: (file) => writeFileSync(file('weights.npz'), buildZip(entries)),
    code: 'MODEL_CORRUPT',
    message: ['weights.npz', message],
  })),
];

describe('loadRecognizer rejects a model directory', () => {
  test.each(CASES)('with $what', async ({ of, corrupt, code, message }) => {
    const folder = checkpointDir(of);
    corrupt((name) => join(folder, name));
    const live = mx.liveArrays();
    const error: unknown = await loadRecognizer(folder).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    for (const part of message) expect((error as Error).message).toContain(part);
    expect(mx.liveArrays()).toBeLessThanOrEqual(live);
  });

  test('when it is empty', async () => {
    await expect(loadRecognizer(emptyDir())).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  test('or loads it, for any flipped bit of a zip', async () => {
    const folder = checkpointDir('mlx-npz-4bit-deflated');
    const path = join(folder, 'weights.npz');
    const whole = readFileSync(path);
    const live = mx.liveArrays();
    const codes = new Set<unknown>();
    const count = 50;
    for (let i = 0; i < count; i++) {
      // Half of them in the directory at the end, which declares the sizes.
      const at = i % 2 === 0 ? Math.floor((whole.length * i) / count) : whole.length - 1 - i * 113;
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (i % 8));
      writeFileSync(path, bytes);
      const outcome: unknown = await loadRecognizer(folder).then(
        (model) => model.dispose(),
        (thrown: unknown) => thrown,
      );
      codes.add(outcome === undefined ? 'loaded' : (outcome as { code: unknown }).code);
      expect(mx.liveArrays()).toBeLessThanOrEqual(live);
    }
    expect(codes).toContain('MODEL_CORRUPT');
    for (const code of codes) expect(['MODEL_CORRUPT', 'MODEL_UNSUPPORTED', 'loaded']).toContain(code);
  });

  test('after cancellation, and frees everything', async () => {
    const folder = checkpointDir('mlx-npz');
    const live = mx.liveArrays();
    const loading = loadRecognizer(folder, { signal: AbortSignal.abort() });
    await expect(loading).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
  });
});
