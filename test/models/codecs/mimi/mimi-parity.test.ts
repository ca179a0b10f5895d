/** Latents, codes and audio of transformers; names of transformers and of Kyutai's package. */
import { describe, expect, test } from '@jest/globals';

import { runAll } from '#daemon/models/codecs/run-chunk.js';
import { mx } from '#native/index.js';

import { distance, peak, snr, unpacked } from '../codec-fixtures.js';
import { codesArray } from '../encodec/encodec-fixtures.js';
import { expectedMimi, loadedMimi, mimiDir, NAMES, plainMimi, sampleArray } from './mimi-fixtures.js';

const FORMS = { plain: plainMimi, loaded: loadedMimi };

describe.each(NAMES)('%s', (name) => {
  const expected = expectedMimi(name);

  test.each(['plain', 'loaded'] as const)('has the latents of transformers: %s', async (form) => {
    const live = mx.liveArrays();
    const network = await FORMS[form](mimiDir(name));
    const length = Math.max(...expected.cases.map((one) => one.length));
    const latents = mx.tidy(() => runAll(sampleArray(length), network.latentSteps()).toTypedArray('float32'));
    const wanted = unpacked(expected.latents);
    expect(distance(latents, wanted)).toBeLessThan(1e-4 * peak(wanted));
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test.each(['plain', 'loaded'] as const)('has the codes and the audio of transformers: %s', async (form) => {
    const network = await FORMS[form](mimiDir(name));
    for (const { length, codes, audio } of expected.cases) {
      mx.tidy(() => {
        const found = network.encode(sampleArray(length), codes.length);
        expect([...found.toTypedArray('uint32')]).toEqual(codes.flat());
        const decoded = network.decode(codesArray(codes)).toTypedArray('float32');
        expect(distance(decoded, unpacked(audio))).toBeLessThan(1e-4);
        expect(snr(decoded, unpacked(audio))).toBeGreaterThan(80);
      });
    }
    network.dispose();
  });
});

test.each(['newer', 'kyutai', 'older kyutai'] as const)('%s names give the same arrays', async (spelling) => {
  const [own, other] = [await plainMimi(mimiDir('tiny')), await plainMimi(mimiDir('tiny', spelling))];
  const others = other.namedParameters();
  for (const [key, array] of own.namedParameters()) {
    const same = others.get(key);
    expect([key, same && Boolean(mx.tidy(() => mx.arrayEqual(array, same).item()))]).toEqual([key, true]);
  }
  expect(others.size).toBe(own.namedParameters().size);
  own.dispose();
  other.dispose();
});
