/** Encodec models through the interface of all codecs. */
import { describe, expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import type { EncodedAudio } from '#daemon/protocol/codec.js';
import { mx } from '#native/index.js';

import { streamOf } from '../../model-fixtures.js';
import { allSamples, distance, testSamples, unpacked } from '../codec-fixtures.js';
import { describeCodec, loadCodec } from '../describe-codec.js';
import { encodecDir, expectedEncodec } from './encodec-fixtures.js';

const { signal } = new AbortController();

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

describe.each(['causal', 'segments'] as const)('%s', (name) => {
  describeCodec(() => encodecDir(name), { layout: 'huggingface', seconds: 0.1 });
});
