/** Mel spectrograms and audio of vocos, whole and in chunks; directories that are refused. */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { loadVocos } from '#daemon/models/codecs/vocos/load-vocos.js';
import { vocodeCodes, vocodeMel, vocosMelOf, vocosPlan } from '#daemon/models/codecs/vocos/vocos-vocoder.js';
import { openVocosCheckpoint, readVocosConfig } from '#daemon/models/codecs/vocos/vocos-checkpoint.js';
import { Vocos } from '#daemon/models/codecs/vocos/vocos-network.js';
import { mx } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { editArrays, type Arrays } from '../checkpoint/edit-arrays.js';
import { allSamples, codecDir, distance, expectedOf, snr, unpacked, type Packed } from './codec-fixtures.js';
import { expectCancelled, melOf, reachOf } from './vocoder-checks.js';
import { cut, noisySamples, repeated } from './vocoder-inputs.js';

const { signal } = new AbortController();
const MEL_NAMES = ['vocos-center', 'vocos-same'] as const;

interface ExpectedMel {
  readonly mel: Packed;
  readonly audio: Packed;
  readonly hidden: Packed;
  readonly short: readonly Packed[];
}

async function plainNetwork(dir: string): Promise<Vocos> {
  const checkpoint = await openVocosCheckpoint(dir, await readVocosConfig(dir));
  try {
    return await networkOf(checkpoint, (config) => new Vocos(config));
  } finally {
    checkpoint.close();
  }
}

describe.each(MEL_NAMES)('%s', (name) => {
  const expected = expectedOf<ExpectedMel>(name);
  const mel = unpacked(expected.mel);

  test('has the mel spectrogram of the reference', async () => {
    const found = melOf(vocosMelOf(await readVocosConfig(codecDir(name))), noisySamples(1000));
    expect(distance(found, mel)).toBeLessThan(1e-4);
  });

  test.each(['plain', 'fused'])('has its audio: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(codecDir(name)) : loadVocos(codecDir(name)));
    const frames = mx.array(mel, expected.mel.shape);
    const audio = await allSamples(vocodeMel(network, frames, signal));
    expect(distance(audio, unpacked(expected.audio))).toBeLessThan(1e-4);
    expect(snr(audio, unpacked(expected.audio))).toBeGreaterThan(80);
    for (const [i, short] of expected.short.entries()) {
      const first = cut(frames, 2 + i);
      expect(distance(await allSamples(vocodeMel(network, first, signal)), unpacked(short))).toBeLessThan(
        1e-4,
      );
      first.dispose();
    }
    frames.dispose();
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('chunks are the whole, and are cancelled', async () => {
    const network = await loadVocos(codecDir(name));
    const frames = repeated(mel, expected.mel.shape, 3);
    const live = mx.liveArrays();
    const whole = await allSamples(vocodeMel(network, frames, signal, 100_000));
    for (const size of [1, 5, 16, 50]) {
      const chunked = await allSamples(vocodeMel(network, frames, signal, size));
      expect(distance(chunked, whole)).toBeLessThan(1e-5 * Math.max(1, ...whole));
    }
    await expectCancelled((cancelled) => vocodeMel(network, frames, cancelled, 8));
    expect(mx.liveArrays()).toBe(live);
    frames.dispose();
    network.dispose();
  });

  test('a NaN reaches no further than the context', async () => {
    const network = await loadVocos(codecDir(name));
    const { context, hop } = vocosPlan(network.config);
    const bands = expected.mel.shape[1] ?? 0;
    for (const reach of reachOf(network, bands, hop, [4 * context, 2 * context])) {
      expect(reach).toBeLessThanOrEqual(context);
      expect(reach).toBeGreaterThanOrEqual(context - 1);
    }
    network.dispose();
  });

  test('a NaN is an error, not noise', async () => {
    const network = await loadVocos(codecDir(name));
    const frames = mx.full([9, 20], NaN);
    await expect(allSamples(vocodeMel(network, frames, signal))).rejects.toMatchObject({
      code: 'ENGINE_CRASHED',
    });
    frames.dispose();
    network.dispose();
  });
});

describe('codes of Encodec', () => {
  const { cases } = expectedOf<{ cases: { codes: number[][]; audio: Packed }[] }>('vocos-encodec');

  test('have the audio of the reference at every bandwidth, whole and in chunks', async () => {
    const live = mx.liveArrays();
    const network = await loadVocos(codecDir('vocos-encodec'));
    for (const { codes, audio } of cases) {
      for (const size of [4, 1000]) {
        const found = await allSamples(vocodeCodes(network, codes, signal, size));
        expect(distance(found, unpacked(audio))).toBeLessThan(1e-4);
        expect(snr(found, unpacked(audio))).toBeGreaterThan(80);
      }
    }
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test.each([
    [[[1], [2], [3]], '3 codebooks'],
    [[[1], [2, 3]], 'codebook 1'],
    [[[1], [1024]], 'is 1024'],
  ])('%j are refused', async (codes, message) => {
    const network = await loadVocos(codecDir('vocos-encodec'));
    await expect(allSamples(vocodeCodes(network, codes, signal))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as unknown,
    });
    network.dispose();
  });
});

test('the context of the published models', async () => {
  const config = await readVocosConfig(codecDir('vocos-center'));
  const published = { ...config, backbone: { ...config.backbone, num_layers: 8 } };
  expect(
    vocosPlan({ ...published, head: { dim: 512, n_fft: 1024, hop_length: 256, padding: 'center' } }).context,
  ).toBe(29);
  expect(
    vocosPlan({ ...published, head: { dim: 384, n_fft: 1280, hop_length: 320, padding: 'same' } }).context,
  ).toBe(29);
});

type Config = Record<
  'feature_extractor' | 'backbone' | 'head',
  { class_path: string; init_args: Record<string, unknown> }
>;
const config =
  (edit: (json: Config) => void) =>
  (dir: string): void =>
    editJson(join(dir, 'config.json'), (json) => edit(json as unknown as Config));
const weights =
  (edit: (arrays: Arrays) => void) =>
  (dir: string): void =>
    editArrays(dir, edit);
const UNSUPPORTED = 'MODEL_UNSUPPORTED';

test.each([
  [
    'a missing array',
    weights((arrays) => delete arrays['backbone.convnext.1.gamma']),
    'MODEL_CORRUPT',
    'backbone.convnext.1.gamma',
  ],
  [
    'an unexpected array',
    weights((arrays) => (arrays['head.bias'] = mx.zeros([2]))),
    'MODEL_CORRUPT',
    'head.bias',
  ],
  [
    'an array of another network',
    weights((arrays) => (arrays['decoder.bias'] = mx.zeros([2]))),
    UNSUPPORTED,
    'decoder.bias',
  ],
  [
    'a wrong shape',
    weights((arrays) => (arrays['head.out.weight'] = mx.zeros([66, 31]))),
    'MODEL_CORRUPT',
    'head.out.weight',
  ],
  [
    'a window of another length',
    weights((arrays) => (arrays['head.istft.window'] = mx.zeros([32]))),
    'MODEL_CORRUPT',
    'head.istft.window',
  ],
  ['another class', config((json) => (json.head.class_path = 'os.system')), UNSUPPORTED, 'head.class_path'],
  [
    'another backbone',
    config((json) => (json.backbone.class_path = 'vocos.models.VocosResNetBackbone')),
    UNSUPPORTED,
    'backbone.class_path',
  ],
  [
    'other features',
    config((json) => (json.feature_extractor.class_path = 'mine.Features')),
    UNSUPPORTED,
    'class_path',
  ],
  [
    'a hop that does not divide the window',
    config((json) => (json.head.init_args.hop_length = 17)),
    UNSUPPORTED,
    'hop_length',
  ],
  [
    'other bands',
    config((json) => (json.feature_extractor.init_args.n_mels = 21)),
    UNSUPPORTED,
    'feature_extractor',
  ],
  [
    'norms without bandwidths',
    config((json) => (json.backbone.init_args.adanorm_num_embeddings = 4)),
    UNSUPPORTED,
    'adanorm_num_embeddings',
  ],
  ['other widths', config((json) => (json.head.init_args.dim = 33)), UNSUPPORTED, 'head.init_args.dim'],
  ['no layers', config((json) => (json.backbone.init_args.num_layers = 0)), UNSUPPORTED, 'num_layers'],
  [
    'a pickle',
    (dir: string) => renameSync(join(dir, 'model.safetensors'), join(dir, 'pytorch_model.bin')),
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
    const dir = codecDir('vocos-center');
    damage(dir);
    const live = mx.liveArrays();
    const error = await loadVocos(dir).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(message);
    expect(mx.liveArrays()).toBe(live);
  },
);

test('a directory with config.yaml alone says how to convert it', async () => {
  const dir = codecDir('vocos-center');
  renameSync(join(dir, 'config.json'), join(dir, 'config.yaml'));
  const error = await loadVocos(dir).catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'MODEL_UNSUPPORTED',
    hint: expect.stringContaining('config.json') as unknown,
  });
});
