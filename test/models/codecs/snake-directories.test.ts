/** Directories of SNAC and DAC models: every spelling of the names, refused if broken, converted, measured. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { openDacCheckpoint, readDacConfig } from '#daemon/models/codecs/dac/dac-checkpoint.js';
import { openSnacCheckpoint, readSnacConfig } from '#daemon/models/codecs/snac/snac-checkpoint.js';
import { encodeAll } from '#daemon/models/encode-all.js';
import { familyOf, footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec } from '#daemon/models/speech-model.js';
import { mx } from '#native/index.js';

import { editJson, emptyDir } from '../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../model-fixtures.js';
import { allSamples, codecDir, testSamples } from './codec-fixtures.js';
import { editArrays, type Arrays } from '../checkpoint/edit-arrays.js';

const { signal } = new AbortController();
const WEIGHTS = 'model.safetensors';

const renamed =
  (replace: (name: string) => string) =>
  (dir: string): void =>
    editArrays(dir, (arrays) => {
      for (const [name, array] of Object.entries(arrays)) {
        delete arrays[name];
        arrays[replace(name)] = array;
      }
    });
const asOlder = renamed((name) =>
  name
    .replace('parametrizations.weight.original0', 'weight_g')
    .replace('parametrizations.weight.original1', 'weight_v'),
);
const asNewer = renamed((name) =>
  name
    .replace('weight_g', 'parametrizations.weight.original0')
    .replace('weight_v', 'parametrizations.weight.original1'),
);

/** All weights as the network has them. */
async function weightsOf(dir: string): Promise<Map<string, Float32Array>> {
  const { name } = await familyOf(dir);
  const checkpoint =
    name === 'snac'
      ? await openSnacCheckpoint(dir, await readSnacConfig(dir))
      : await openDacCheckpoint(dir, await readDacConfig(dir));
  const found = new Map<string, Float32Array>();
  try {
    for (const weight of [...checkpoint.names].sort()) {
      const array = await checkpoint.array(weight);
      found.set(`${weight} ${array.shape.join()}`, array.toTypedArray('float32'));
      array.dispose();
    }
    return found;
  } finally {
    checkpoint.close();
  }
}

function dirOf(name: string, edit: (dir: string) => void = () => undefined): string {
  const dir = codecDir(name);
  if (name === 'snac-24khz') rmSync(join(dir, 'folded.safetensors'));
  edit(dir);
  return dir;
}

describe('the arrays are the same', () => {
  const useFolded = (): string => {
    const dir = codecDir('snac-24khz');
    renameSync(join(dir, 'folded.safetensors'), join(dir, WEIGHTS));
    return dir;
  };

  test.each([
    [
      'SNAC with the older names of the weight norm',
      () => dirOf('snac-24khz'),
      () => dirOf('snac-24khz', asOlder),
    ],
    ['SNAC with folded weights', () => dirOf('snac-24khz'), useFolded],
    [
      'DAC with the newer names of the weight norm',
      () => dirOf('dac-44khz'),
      () => dirOf('dac-44khz', asNewer),
    ],
    ['DAC as transformers has it', () => dirOf('dac-16khz'), () => dirOf('dac-huggingface')],
  ])('%s', async (_, one, other) => {
    const live = mx.liveArrays();
    const [expected, found] = [await weightsOf(one()), await weightsOf(other())];
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, values] of expected) {
      const others = found.get(name) ?? new Float32Array(0);
      const difference = values.reduce(
        (largest, x, i) => Math.max(largest, Math.abs(x - (others[i] ?? NaN))),
        0,
      );
      expect(difference).toBeLessThan(1e-6);
    }
    expect(mx.liveArrays()).toBe(live);
  });
});

interface Case {
  readonly what: string;
  readonly of: string;
  readonly damage: (dir: string) => void;
  readonly code?: string;
  readonly message: string;
}

const config =
  (edit: (json: Record<string, unknown>) => void) =>
  (dir: string): void =>
    editJson(join(dir, 'config.json'), edit);
const weights =
  (edit: (arrays: Arrays) => void) =>
  (dir: string): void =>
    editArrays(dir, edit);
const UNSUPPORTED = 'MODEL_UNSUPPORTED';

const CASES: readonly Case[] = [
  {
    of: 'snac-24khz',
    what: 'a missing array',
    damage: weights((arrays) => delete arrays['decoder.model.2.block.0.alpha']),
    message: 'decoder.model.2.block.0.alpha',
  },
  {
    of: 'snac-24khz',
    what: 'a missing noise block',
    damage: weights((arrays) => {
      delete arrays['decoder.model.3.block.2.linear.parametrizations.weight.original0'];
      delete arrays['decoder.model.3.block.2.linear.parametrizations.weight.original1'];
    }),
    message: 'decoder.model.3.block.2.linear.weight',
  },
  {
    of: 'snac-24khz',
    what: 'half of a weight norm',
    damage: weights((arrays) => delete arrays['encoder.block.0.parametrizations.weight.original0']),
    message: 'encoder.block.0.weight',
  },
  {
    of: 'snac-24khz',
    what: 'an array of no layer',
    damage: weights((arrays) => (arrays['encoder.block.9.bias'] = mx.zeros([8]))),
    message: 'encoder.block.9.bias',
  },
  {
    of: 'snac-24khz',
    what: 'an array of another network',
    damage: weights((arrays) => (arrays['lm_head.weight'] = mx.zeros([8]))),
    code: UNSUPPORTED,
    message: 'lm_head.weight',
  },
  {
    of: 'snac-24khz',
    what: 'a codebook of another size',
    damage: weights((arrays) => (arrays['quantizer.quantizers.1.codebook.weight'] = mx.zeros([63, 8]))),
    message: 'quantizer.quantizers.1.codebook.weight',
  },
  {
    of: 'snac-24khz',
    what: 'a codebook of integers',
    damage: weights(
      (arrays) => (arrays['quantizer.quantizers.0.codebook.weight'] = mx.zeros([64, 8], 'int32')),
    ),
    message: 'quantizer.quantizers.0.codebook.weight',
  },
  {
    of: 'snac-24khz',
    what: 'the pickle of the Hub',
    damage: (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'pytorch_model.bin')),
    code: UNSUPPORTED,
    message: 'pickle',
  },
  {
    of: 'snac-24khz',
    what: 'truncated weights',
    damage: (dir) => writeFileSync(join(dir, WEIGHTS), 'short'),
    message: WEIGHTS,
  },
  {
    of: 'snac-24khz',
    what: 'rates that don’t undo each other',
    damage: config((json) => (json.decoder_rates = [2, 4, 4])),
    code: UNSUPPORTED,
    message: 'decoder_rates',
  },
  {
    of: 'snac-24khz',
    what: 'strides that don’t nest',
    damage: config((json) => (json.vq_strides = [4, 3, 1])),
    code: UNSUPPORTED,
    message: 'vq_strides',
  },
  {
    of: 'snac-24khz',
    what: 'a network without noise',
    damage: config((json) => (json.noise = false)),
    code: UNSUPPORTED,
    message: 'noise',
  },
  {
    of: 'snac-24khz',
    what: 'a width that no layer has',
    damage: config((json) => (json.encoder_dim = 1e9)),
    code: UNSUPPORTED,
    message: 'encoder_dim',
  },
  {
    of: 'snac-32khz',
    what: 'an attention of part of a head',
    damage: config((json) => (json.decoder_dim = 32)),
    code: UNSUPPORTED,
    message: 'attn_window_size',
  },
  {
    of: 'snac-32khz',
    what: 'a missing attention',
    damage: config((json) => (json.attn_window_size = null)),
    message: 'encoder.block.4',
  },
  {
    of: 'dac-44khz',
    what: 'a missing bias',
    damage: weights((arrays) => delete arrays['decoder.model.1.block.1.bias']),
    message: 'decoder.model.1.block.1.conv.bias',
  },
  {
    of: 'dac-44khz',
    what: 'half of a weight norm',
    damage: weights((arrays) => delete arrays['quantizer.quantizers.0.in_proj.weight_v']),
    message: 'quantizer.quantizers.0.in_proj.weight',
  },
  {
    of: 'dac-44khz',
    what: 'the magnitudes of another axis',
    damage: weights((arrays) => (arrays['decoder.model.1.block.1.weight_g'] = mx.ones([1, 16, 1]))),
    message: 'decoder.model.1.block.1.conv.weight',
  },
  {
    of: 'dac-44khz',
    what: 'more codebooks than the config has',
    damage: config((json) => (json.n_codebooks = 3)),
    message: 'quantizer.quantizers.3',
  },
  {
    of: 'dac-44khz',
    what: 'no number of codebooks',
    damage: config((json) => (json.n_codebooks = 0)),
    code: UNSUPPORTED,
    message: 'n_codebooks',
  },
  {
    of: 'dac-44khz',
    what: 'no rates',
    damage: config((json) => (json.encoder_rates = [])),
    code: UNSUPPORTED,
    message: 'encoder_rates',
  },
  {
    of: 'dac-44khz',
    what: 'a width that is no number',
    damage: config((json) => (json.decoder_dim = 'wide')),
    code: UNSUPPORTED,
    message: 'decoder_dim',
  },
  {
    of: 'dac-44khz',
    what: 'a width that can’t be halved',
    damage: config((json) => (json.decoder_dim = 36)),
    code: UNSUPPORTED,
    message: 'decoder',
  },
  {
    of: 'dac-44khz',
    what: 'a pickle of descript-audio-codec',
    damage: (dir) => renameSync(join(dir, WEIGHTS), join(dir, 'weights.pth')),
    code: UNSUPPORTED,
    message: 'pickle',
  },
  {
    of: 'dac-huggingface',
    what: 'a field that transformers would guess',
    damage: config((json) => delete json.upsampling_ratios),
    code: UNSUPPORTED,
    message: 'upsampling_ratios',
  },
  {
    of: 'dac-huggingface',
    what: 'an unexpected array',
    damage: weights((arrays) => (arrays['decoder.block.0.res_unit4.snake1.alpha'] = mx.zeros([1, 8, 1]))),
    code: UNSUPPORTED,
    message: 'decoder.block.0.res_unit4.snake1.alpha',
  },
  {
    of: 'dac-huggingface',
    what: 'a missing unit',
    damage: weights((arrays) => delete arrays['encoder.block.1.res_unit2.conv1.weight']),
    message: 'encoder.block.2.block.1.block.1.weight',
  },
];

test.each(CASES)('refused: $of with $what', async ({ of, damage, code = 'MODEL_CORRUPT', message }) => {
  const dir = dirOf(of, damage);
  const live = mx.liveArrays();
  const error = await loadModel(dir).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code });
  expect((error as Error).message).toContain(message);
  expect(mx.liveArrays()).toBe(live);
});

describe.each(['snac-24khz', 'snac-32khz', 'dac-44khz', 'dac-16khz', 'dac-huggingface'])('%s', (name) => {
  test('is converted to the same codes and audio, and its weights are predicted to the byte', async () => {
    const [dir, out] = [dirOf(name), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { dtype: 'float32' }, {});
    const [before, after] = [await family.inspect(dir, {}), await family.inspect(out, {})];
    expect(after).toEqual({ ...before, layout: 'mlx' });
    expect(before).toMatchObject({ family: family.name, dtype: 'float32', tasks: ['codec'], notFinite: [] });
    const [first, second] = [asCodec(await loadModel(dir)), asCodec(await loadModel(out))];
    expect(await family.capabilities(dir)).toEqual(first.capabilities);
    expect((await footprintOf(dir)).weightBytes).toBe(first.weightBytes);
    const live = mx.liveArrays();
    const encoded = await encodeAll(first, streamOf(testSamples(1234)), {}, signal);
    expect(await encodeAll(second, streamOf(testSamples(1234)), {}, signal)).toEqual(encoded);
    expect(await allSamples(second.decode(encoded, signal))).toEqual(
      await allSamples(first.decode(encoded, signal)),
    );
    expect(mx.liveArrays()).toBe(live);
    first.dispose();
    second.dispose();
  });

  test.each([
    ['a code that no codebook has', (codes: number[][]) => ((codes[0] ?? [])[0] = 64), 'is 64'],
    ['a negative code', (codes: number[][]) => ((codes[1] ?? [])[0] = -1), 'is -1'],
    ['a code that is no integer', (codes: number[][]) => ((codes[1] ?? [])[0] = 0.5), 'is 0.5'],
    ['a list that is too long', (codes: number[][]) => codes[1]?.push(1), 'codebook 1'],
    [
      'too few frames',
      (codes: number[][]) => codes.forEach((list) => list.splice(0, list.length / 2)),
      'samples have',
    ],
    ['too many codebooks', (codes: number[][]) => codes.push([1], [1], [1], [1]), 'codebooks'],
    ['no codebooks', (codes: number[][]) => codes.splice(0), 'codebooks'],
  ])('refuses %s', async (_, edit, message) => {
    const model = asCodec(await loadModel(dirOf(name)));
    const encoded = await encodeAll(model, streamOf(testSamples(1234)), {}, signal);
    edit(encoded.codes);
    const live = mx.liveArrays();
    await expect(allSamples(model.decode(encoded, signal))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as unknown,
    });
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });
});
