/** Audio of HiFi-GAN: a tiny generator, and that of a real voice beside onnxruntime. */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { HifiGan } from '#daemon/models/codecs/hifigan/hifigan-network.js';
import { hifiGanPlan, vocodeFeatures } from '#daemon/models/codecs/hifigan/hifigan-vocoder.js';
import { loadHifiGan, openHifiGanCheckpoint } from '#daemon/models/codecs/hifigan/load-hifigan.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { describeUnless } from '#test/harness/skipping.js';
import { mx } from '#native/index.js';

import { editJson } from '../checkpoint/checkpoint-dirs.js';
import { root } from '../model-fixtures.js';
import { allSamples, codecDir, distance, expectedOf, snr, unpacked, type Packed } from './codec-fixtures.js';
import { editArrays } from '../checkpoint/edit-arrays.js';
import { expectCancelled, reachOf } from './vocoder-checks.js';
import { cut, repeated } from './vocoder-inputs.js';

const { signal } = new AbortController();

interface Expected {
  readonly features: Packed;
  readonly audio: Packed;
  readonly short: readonly Packed[];
}

function dirOf(spelling: 'weight norm' | 'folded' = 'weight norm'): string {
  const dir = codecDir('hifigan-tiny');
  const [folded, whole] = [join(dir, 'folded.safetensors'), join(dir, 'model.safetensors')];
  if (spelling === 'folded') renameSync(folded, whole);
  else rmSync(folded, { force: true });
  return dir;
}

async function plainNetwork(dir: string): Promise<HifiGan> {
  const checkpoint = await openHifiGanCheckpoint(dir);
  try {
    return await networkOf(checkpoint, (config) => new HifiGan(config));
  } finally {
    checkpoint.close();
  }
}

describe('a tiny generator', () => {
  const expected = expectedOf<Expected>('hifigan-tiny');

  test.each(['plain', 'fused'])('has the audio of transformers: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await (form === 'plain' ? plainNetwork(dirOf()) : loadHifiGan(dirOf('folded')));
    const features = mx.array(unpacked(expected.features), expected.features.shape);
    const audio = await allSamples(vocodeFeatures(network, features, signal));
    expect(distance(audio, unpacked(expected.audio))).toBeLessThan(1e-4);
    expect(snr(audio, unpacked(expected.audio))).toBeGreaterThan(80);
    for (const [i, short] of expected.short.entries()) {
      const first = cut(features, 1 + i);
      const found = await allSamples(vocodeFeatures(network, first, signal));
      expect(distance(found, unpacked(short))).toBeLessThan(1e-4);
      first.dispose();
    }
    features.dispose();
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('chunks are the whole, read no further than their context, and are cancelled', async () => {
    const network = await loadHifiGan(dirOf());
    const { context, hop } = hifiGanPlan(network.config);
    const features = repeated(unpacked(expected.features), expected.features.shape, 3);
    const live = mx.liveArrays();
    const whole = await allSamples(vocodeFeatures(network, features, signal, 100_000));
    for (const size of [13, 50]) {
      const chunks = await allSamples(vocodeFeatures(network, features, signal, size));
      expect(distance(chunks, whole)).toBeLessThan(1e-5);
    }
    const bands = network.config.num_mels;
    for (const reach of reachOf(network, bands, hop, [2 * context + 20, context + 10])) {
      expect(reach).toBeLessThanOrEqual(context);
      expect(reach).toBeGreaterThanOrEqual(context - 2);
    }
    await expectCancelled((cancelled) => vocodeFeatures(network, features, cancelled, 8));
    expect(mx.liveArrays()).toBe(live);
    features.dispose();
    network.dispose();
  });

  const withField = (name: string, value: unknown) => (dir: string) => {
    editJson(join(dir, 'config.json'), (json) => void (json[name] = value));
  };
  const without = (pattern: RegExp) => (dir: string) => {
    editArrays(dir, (arrays) => {
      for (const name of Object.keys(arrays)) if (pattern.test(name)) delete arrays[name];
    });
  };
  test.each<[string, (dir: string) => void, RegExp]>([
    ['no config', (dir) => rmSync(join(dir, 'config.json')), /config\.json/],
    ['no rates', withField('upsample_rates', []), /upsample_rates/],
    ['a kernel too few', withField('upsample_kernel_sizes', [8]), /one for each rate/],
    ['a kernel below its rate', withField('upsample_kernel_sizes', [8, 1]), /does not fit/],
    ['other channels', withField('num_mels', 7), /conv_pre\.weight/],
    ['odd channels', withField('upsample_initial_channel', 18), /must halve/],
    ['endless channels', withField('num_mels', 1e12), /num_mels/],
    ['a missing weight', without(/^conv_post\.bias$/), /conv_post\.bias/],
    ['half a weight norm', without(/^ups\.0.*original0$/), /weight norm is incomplete/],
    ['no weights', (dir) => rmSync(join(dir, 'model.safetensors')), /safetensors/],
  ])('%s is refused', async (_, damage, message) => {
    const dir = dirOf();
    damage(dir);
    const live = mx.liveArrays();
    const error: unknown = await loadHifiGan(dir).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(SottoError);
    expect((error as SottoError).code).toMatch(/^MODEL_/);
    expect((error as SottoError).message).toMatch(message);
    expect(mx.liveArrays()).toBe(live);
  });
});

const piper = join(root, 'test/reference/.weights/piper-hifigan');
const missing = existsSync(piper)
  ? undefined
  : 'Piper’s generator: run make-hifigan-fixtures.py --piper in test/reference';

describeUnless(missing)('the generator of a real voice', () => {
  const floats = (name: string): Float32Array => {
    const bytes = readFileSync(join(piper, name));
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  };

  test('has the audio of onnxruntime, whole and in chunks', async () => {
    const network = await loadHifiGan(piper);
    const latents = floats('latents.f32');
    const features = mx.array(latents, [latents.length / 192, 192]);
    const reference = floats('audio.f32');
    for (const size of [undefined, 31]) {
      const audio = await allSamples(vocodeFeatures(network, features, signal, size));
      expect(audio.length).toBe(reference.length);
      expect(snr(audio, reference)).toBeGreaterThan(100);
    }
    features.dispose();
    network.dispose();
  });
});
