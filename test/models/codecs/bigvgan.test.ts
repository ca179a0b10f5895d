/** Mel spectrograms and audio of bigvgan, whole and in chunks; directories that are refused. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import {
  openBigVganCheckpoint,
  readBigVganConfig,
} from '#daemon/models/codecs/bigvgan/bigvgan-checkpoint.js';
import type { BigVganConfig } from '#daemon/models/codecs/bigvgan/bigvgan-config.js';
import { BigVgan } from '#daemon/models/codecs/bigvgan/bigvgan-network.js';
import { loadBigVgan } from '#daemon/models/codecs/bigvgan/load-bigvgan.js';
import { bigVganMelOf, bigVganPlan, vocodeMel } from '#daemon/models/codecs/bigvgan/bigvgan-vocoder.js';
import { LOW_PASS } from '#daemon/models/codecs/layers/anti-alias.js';
import { mx } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { allSamples, codecDir, distance, expectedOf, snr, unpacked, type Packed } from './codec-fixtures.js';
import { editArrays, type Arrays } from '../checkpoint/edit-arrays.js';
import { expectCancelled, melOf, reachOf } from './vocoder-checks.js';
import { cut, noisySamples, repeated } from './vocoder-inputs.js';

const { signal } = new AbortController();
const NAMES = ['bigvgan-v1', 'bigvgan-v2', 'bigvgan-snake', 'bigvgan-log-snake'] as const;

interface Expected {
  readonly mel: Packed;
  readonly audio: Packed;
  readonly short: readonly Packed[];
}

function dirOf(name: string, spelling: 'weight norm' | 'folded' = 'weight norm'): string {
  const dir = codecDir(name);
  const [folded, whole] = [join(dir, 'folded.safetensors'), join(dir, 'model.safetensors')];
  if (spelling === 'folded') renameSync(folded, whole);
  else rmSync(folded, { force: true });
  return dir;
}

async function plainNetwork(dir: string): Promise<BigVgan> {
  const checkpoint = await openBigVganCheckpoint(dir, await readBigVganConfig(dir));
  try {
    return await networkOf(checkpoint, (config) => new BigVgan(config));
  } finally {
    checkpoint.close();
  }
}

describe.each(NAMES)('%s', (name) => {
  const expected = expectedOf<Expected>(name);
  const mel = unpacked(expected.mel);

  test('has the mel spectrogram of the reference', async () => {
    const found = melOf(bigVganMelOf(await readBigVganConfig(dirOf(name))), noisySamples(700));
    expect(distance(found, mel)).toBeLessThan(1e-4);
  });

  test.each(['plain', 'fused'])('has its audio: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(dirOf(name)) : loadBigVgan(dirOf(name)));
    const frames = mx.array(mel, expected.mel.shape);
    const audio = await allSamples(vocodeMel(network, frames, signal));
    expect(distance(audio, unpacked(expected.audio))).toBeLessThan(1e-4);
    expect(snr(audio, unpacked(expected.audio))).toBeGreaterThan(80);
    for (const [i, short] of expected.short.entries()) {
      const first = cut(frames, 1 + i);
      expect(distance(await allSamples(vocodeMel(network, first, signal)), unpacked(short))).toBeLessThan(
        1e-4,
      );
      first.dispose();
    }
    frames.dispose();
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('chunks are the whole, read no further than their context, and are cancelled', async () => {
    const network = await loadBigVgan(dirOf(name));
    const { context, hop } = bigVganPlan(network.config);
    const frames = repeated(mel, expected.mel.shape, 2);
    const live = mx.liveArrays();
    const whole = await allSamples(vocodeMel(network, frames, signal, 100_000));
    for (const size of [19, 40]) {
      expect(distance(await allSamples(vocodeMel(network, frames, signal, size)), whole)).toBeLessThan(1e-5);
    }
    const bands = network.config.num_mels;
    for (const reach of reachOf(network, bands, hop, [2 * context + 20, context + 10])) {
      expect(reach).toBeLessThanOrEqual(context);
      expect(reach).toBeGreaterThanOrEqual(context - 2);
    }
    await expectCancelled((cancelled) => vocodeMel(network, frames, cancelled, 8));
    expect(mx.liveArrays()).toBe(live);
    frames.dispose();
    network.dispose();
  });
});

test('folded weights and both names of the weight norm are the same arrays', async () => {
  const weightsOf = async (dir: string): Promise<Map<string, Float32Array>> => {
    const network = await plainNetwork(dir);
    const found = new Map(
      [...network.namedParameters()].map(([name, array]) => [name, array.toTypedArray('float32')]),
    );
    network.dispose();
    return found;
  };
  const [stored, folded] = [
    await weightsOf(dirOf('bigvgan-v2')),
    await weightsOf(dirOf('bigvgan-v2', 'folded')),
  ];
  expect([...folded.keys()].sort()).toEqual([...stored.keys()].sort());
  for (const [name, values] of stored) {
    expect(distance(folded.get(name) ?? new Float32Array(0), values)).toBeLessThan(1e-6);
  }
  const newer = dirOf('bigvgan-v2');
  editArrays(newer, (arrays) => {
    for (const [name, array] of Object.entries(arrays)) {
      delete arrays[name];
      const replaced = name
        .replace('weight_g', 'parametrizations.weight.original0')
        .replace('weight_v', 'parametrizations.weight.original1');
      arrays[`generator.${replaced}`] = array;
    }
  });
  expect(await weightsOf(newer)).toEqual(stored);
});

test('the filter is the published one', () => {
  const published = [0.00202896, 0.00938947, -0.02554346, -0.05765738, 0.12857258, 0.4432098];
  for (const [i, value] of [...published, ...published.toReversed()].entries()) {
    expect(LOW_PASS[i]).toBeCloseTo(value, 7);
  }
});

test('the context of the published models', async () => {
  const config = await readBigVganConfig(dirOf('bigvgan-v1'));
  const contextOf = (upsample_rates: number[], upsample_kernel_sizes: number[], hop_size: number): number =>
    bigVganPlan({ ...config, upsample_rates, upsample_kernel_sizes, hop_size } satisfies BigVganConfig)
      .context;
  // Measured with a NaN in networks of full depth: 38, 21 and 18.
  expect(contextOf([4, 4, 2, 2, 2, 2], [8, 8, 4, 4, 4, 4], 256)).toBe(38);
  expect(contextOf([8, 4, 2, 2, 2, 2], [16, 8, 4, 4, 4, 4], 512)).toBe(21);
  expect(contextOf([8, 8, 2, 2], [16, 16, 4, 4], 256)).toBe(18);
});

const config =
  (edit: (json: Record<string, unknown>) => void) =>
  (dir: string): void =>
    editJson(join(dir, 'config.json'), edit);
const weights =
  (edit: (arrays: Arrays) => void) =>
  (dir: string): void =>
    editArrays(dir, edit);
const UNSUPPORTED = 'MODEL_UNSUPPORTED';

test.each([
  [
    'a missing array',
    weights((arrays) => delete arrays['activation_post.act.beta']),
    'MODEL_CORRUPT',
    'activation_post.act.beta',
  ],
  [
    'half of a weight norm',
    weights((arrays) => delete arrays['ups.0.0.weight_g']),
    'MODEL_CORRUPT',
    'ups.0.0.conv.weight',
  ],
  [
    'an unexpected array',
    weights((arrays) => (arrays['resblocks.6.convs1.0.bias'] = mx.zeros([2]))),
    'MODEL_CORRUPT',
    'resblocks.6',
  ],
  [
    'an array of another network',
    weights((arrays) => (arrays['decoder.bias'] = mx.zeros([2]))),
    UNSUPPORTED,
    'decoder.bias',
  ],
  [
    'a wrong shape',
    weights((arrays) => (arrays['conv_pre.bias'] = mx.zeros([31]))),
    'MODEL_CORRUPT',
    'conv_pre.bias',
  ],
  [
    'a bias that its config does not have',
    config((json) => (json.use_bias_at_final = false)),
    'MODEL_CORRUPT',
    'conv_post.bias',
  ],
  ['snakes of another kind', config((json) => (json.activation = 'snake')), 'MODEL_CORRUPT', 'act.beta'],
  ['an unknown activation', config((json) => (json.activation = 'relu')), UNSUPPORTED, 'activation'],
  ['unknown blocks', config((json) => (json.resblock = '3')), UNSUPPORTED, 'resblock'],
  ['another hop', config((json) => (json.hop_size = 17)), UNSUPPORTED, 'hop_size'],
  [
    'an even kernel',
    config((json) => (json.resblock_kernel_sizes = [3, 7, 10])),
    UNSUPPORTED,
    'resblock_kernel_sizes',
  ],
  [
    'a kernel that does not fit its rate',
    config((json) => (json.upsample_kernel_sizes = [8, 7])),
    UNSUPPORTED,
    'upsample_kernel_sizes.1',
  ],
  [
    'a width that can’t be halved',
    config((json) => (json.upsample_initial_channel = 30)),
    UNSUPPORTED,
    'upsample_initial_channel',
  ],
  [
    'the pickle of the Hub',
    (dir: string) => renameSync(join(dir, 'model.safetensors'), join(dir, 'bigvgan_generator.pt')),
    UNSUPPORTED,
    'pickle',
  ],
  [
    'a text',
    (dir: string) => writeFileSync(join(dir, 'model.safetensors'), 'text'),
    'MODEL_CORRUPT',
    'model.safetensors',
  ],
] as readonly [string, (dir: string) => void, string, string][])(
  'refused: %s',
  async (_, damage, code, message) => {
    const dir = dirOf('bigvgan-v1');
    damage(dir);
    const live = mx.liveArrays();
    const error = await loadBigVgan(dir).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(message);
    expect(mx.liveArrays()).toBe(live);
  },
);
