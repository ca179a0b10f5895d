/** Encodec models through the interface of all codecs. */
import { describe, expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { familyOf, footprintOf, loadModel } from '#daemon/models/registry.js';
import { asCodec, type AudioCodec } from '#daemon/models/speech-model.js';
import type { EncodedAudio } from '#daemon/protocol/codec.js';
import { mx } from '#native/index.js';

import { emptyDir } from '../../checkpoint/checkpoint-dirs.js';
import { streamOf } from '../../model-fixtures.js';
import { allSamples, distance, testSamples, unpacked } from '../codec-fixtures.js';
import { encodecDir, expectedEncodec, type Name } from './encodec-fixtures.js';

const { signal } = new AbortController();

const loadCodec = async (dir: string): Promise<AudioCodec> => asCodec(await loadModel(dir));

describe('a causal model', () => {
  test('encodes and decodes files of any length', async () => {
    const model = await loadCodec(encodecDir('causal'));
    const live = mx.liveArrays();
    expect(model.capabilities).toEqual({
      codec: { sampleRate: 24_000, codebooks: 8, codebookSize: 32, framesPerSecond: 1000 },
    });
    for (const { length, segments, audio } of expectedEncodec('causal').cases) {
      const codebooks = segments[0]?.length ?? 0;
      const encoded = await encodeAll(model, streamOf(testSamples(length)), { codebooks }, signal);
      expect(encoded).toEqual({ codes: segments[0], samples: length });
      const decoded = await allSamples(model.decode(encoded, signal));
      expect(distance(decoded, unpacked(audio).subarray(0, length))).toBeLessThan(1e-4);
    }
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test('has no codes for no audio', async () => {
    const model = await loadCodec(encodecDir('causal'));
    expect(await encodeAll(model, streamOf(new Float32Array(0)), {}, signal)).toEqual({
      codes: [],
      samples: 0,
    });
    model.dispose();
  });

  test.each([
    [{ codes: [[32]], samples: 24 }, 'is 32'],
    [{ codes: [[1], [2, 3]], samples: 24 }, 'codebook 1 has 2'],
    [{ codes: [[1]], samples: 25 }, '25 samples have 2 frames'],
    [{ codes: new Array<number[]>(9).fill([1]), samples: 24 }, '9 codebooks'],
  ])('%j is refused', async (encoded, message) => {
    const model = await loadCodec(encodecDir('causal'));
    await expect(allSamples(model.decode(encoded, signal))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message) as unknown,
    });
    model.dispose();
  });

  test('more codebooks than it has are refused', async () => {
    const model = await loadCodec(encodecDir('causal'));
    const run = encodeAll(model, streamOf(testSamples(100)), { codebooks: 9 }, signal);
    await expect(run).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    model.dispose();
  });
});

describe('a model with segments', () => {
  test('encodes mono audio, and decodes it to mono audio', async () => {
    const model = await loadCodec(encodecDir('segments'));
    const live = mx.liveArrays();
    const samples = testSamples(1999);
    const encoded = await encodeAll(model, streamOf(samples), {}, signal);
    expect(encoded.scales).toHaveLength(5);
    const decoded = await allSamples(model.decode(encoded, signal));
    expect(decoded).toHaveLength(1999);
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test.each([
    ['too few scales', { scales: [1] }],
    ['no scales', { scales: [] }],
    ['a scale that is no number', { scales: [1, 1, 1, 1, NaN] }],
    ['too many samples', { samples: 1e12 }],
    ['too few samples', { samples: 10 }],
  ] as const)('%s', async (_name, change) => {
    const model = await loadCodec(encodecDir('segments'));
    const encoded = await encodeAll(model, streamOf(testSamples(1999)), {}, signal);
    const run = allSamples(model.decode({ ...encoded, ...change } as EncodedAudio, signal));
    await expect(run).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    model.dispose();
  });
});

describe.each(['causal', 'segments'] as const)('%s', (name: Name) => {
  test('a cancellation stops within a chunk, and frees everything', async () => {
    const model = await loadCodec(encodecDir(name));
    const encoded = await encodeAll(model, streamOf(testSamples(5000)), {}, signal);
    const live = mx.liveArrays();
    for (const start of [
      (cancelled: AbortSignal) => model.encode(streamOf(testSamples(5000)), {}, cancelled),
      (cancelled: AbortSignal) => model.decode(encoded, cancelled),
    ]) {
      const controller = new AbortController();
      const next = start(controller.signal).next();
      setImmediate(() => controller.abort());
      await expect(next).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(mx.liveArrays()).toBe(live);
    }
    model.dispose();
  });

  test('an iteration that ends early frees everything', async () => {
    const model = await loadCodec(encodecDir(name));
    const encoded = await encodeAll(model, streamOf(testSamples(5000)), {}, signal);
    const live = mx.liveArrays();
    for await (const _ of model.encode(streamOf(testSamples(5000)), {}, signal)) break;
    for await (const _ of model.decode(encoded, signal)) break;
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  test('weights are predicted to the byte', async () => {
    const dir = encodecDir(name);
    const { weightBytes } = await footprintOf(dir);
    const model = await loadModel(dir);
    expect(model.weightBytes).toBe(weightBytes);
    model.dispose();
  });

  test('a converted model has the same codes, and so has its inspection', async () => {
    const [dir, out] = [encodecDir(name), emptyDir()];
    const family = await familyOf(dir);
    await family.convert(dir, out, { dtype: 'float32' }, {});
    const [before, after] = [await family.inspect(dir, {}), await family.inspect(out, {})];
    expect(before.layout).toBe('huggingface');
    expect(after).toEqual({ ...before, layout: 'mlx' });
    const [first, second] = [await loadCodec(dir), await loadCodec(out)];
    const audio = testSamples(1234);
    const codes = await encodeAll(first, streamOf(audio), {}, signal);
    expect(await encodeAll(second, streamOf(audio), {}, signal)).toEqual(codes);
    first.dispose();
    second.dispose();
    await expect(family.convert(dir, emptyDir(), { dtype: 'float16', bits: 4 }, {})).rejects.toThrow(
      'quantized',
    );
  });
});
