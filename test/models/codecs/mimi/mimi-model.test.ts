/** Mimi models through the interface of all codecs. */
import { describe, expect, test } from '@jest/globals';

import { encodeAll } from '#daemon/models/encode-all.js';
import { mx } from '#native/index.js';

import { streamOf } from '../../model-fixtures.js';
import { allSamples, distance, testSamples, unpacked } from '../codec-fixtures.js';
import { describeCodec, loadCodec } from '../describe-codec.js';
import { expectedMimi, mimiDir, NAMES } from './mimi-fixtures.js';

const { signal } = new AbortController();

describe.each(NAMES)('%s', (name) => {
  test('encodes and decodes files of any length', async () => {
    const model = await loadCodec(mimiDir(name));
    const live = mx.liveArrays();
    for (const { length, codes, audio } of expectedMimi(name).cases) {
      const encoded = await encodeAll(
        model,
        streamOf(testSamples(length)),
        { codebooks: codes.length },
        signal,
      );
      expect(encoded).toEqual({ codes, samples: length });
      const decoded = await allSamples(model.decode(encoded, signal));
      expect(distance(decoded, unpacked(audio).subarray(0, length))).toBeLessThan(1e-4);
    }
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });

  describeCodec(() => mimiDir(name), { layout: 'huggingface', seconds: 0.08 });
});

test('encodes with the semantic codebooks at least', async () => {
  const model = await loadCodec(mimiDir('variant'));
  const run = encodeAll(model, streamOf(testSamples(100)), { codebooks: 1 }, signal);
  await expect(run).rejects.toThrow('at least 2 codebooks');
  model.dispose();
});
