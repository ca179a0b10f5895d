/** Lyra in chunks and in batches. */
import { expect, test } from '@jest/globals';

import { mx } from '#native/index.js';

import { expectBatchEqualsAlone, expectChunksEqualWhole, expectNoLookahead } from '../streaming-checks.js';
import { HOP, loadedLyra, plainLyra, speech, speechArray } from './lyra-fixtures.js';

const FORMS = { plain: plainLyra, loaded: loadedLyra };

test.each(['plain', 'loaded'] as const)('%s: chunks equal the whole', async (form) => {
  const network = await FORMS[form]();
  const x = speechArray(30 * HOP);
  for (const sizes of [[7], [3, 1, 9, 2]]) await expectChunksEqualWhole(network, x, 46, sizes);
  x.dispose();
  network.dispose();
});

test('streams frame by frame equal the whole, one after the other', async () => {
  const network = await loadedLyra();
  const x = speechArray(8 * HOP);
  await expectChunksEqualWhole(network, x, 16, [1], 2);
  x.dispose();
  network.dispose();
});

test.each([1, HOP - 1, HOP + 1, 9 * HOP + 5])('the last chunk of %d samples may be short', async (length) => {
  const network = await loadedLyra();
  const x = speechArray(length);
  await expectChunksEqualWhole(network, x, 46, [4]);
  const silence = mx.zeros([1, (HOP - (length % HOP)) % HOP, 1]);
  mx.tidy(() => {
    const filled = network.encode(mx.concatenate([x, silence], 1));
    expect([...network.encode(x).toTypedArray('uint32')]).toEqual([...filled.toTypedArray('uint32')]);
  });
  mx.dispose(x, silence);
  network.dispose();
});

test('a frame depends on no later one', async () => {
  const network = await loadedLyra();
  const x = speechArray();
  for (const frame of [1, 33]) expectNoLookahead(network, x, 46, frame);
  x.dispose();
  network.dispose();
});

test('a batch of unequal lengths equals each alone', async () => {
  const network = await loadedLyra();
  const signals = [20 * HOP, 3 * HOP, HOP, 20 * HOP + 5, 20 * HOP + 5].map((length, i) =>
    mx.array(speech().subarray(1000 * i, 1000 * i + length), [length, 1]),
  );
  expectBatchEqualsAlone(network, signals, 30);
  mx.dispose(signals);
  network.dispose();
});
