/** Mimi in chunks and in batches. */
import { test } from '@jest/globals';

import { mx } from '#native/index.js';

import { testSamples } from '../codec-fixtures.js';
import { expectBatchEqualsAlone, expectChunksEqualWhole, expectNoLookahead } from '../streaming-checks.js';
import { HOP, loadedMimi, mimiDir, plainMimi, sampleArray } from './mimi-fixtures.js';

const FORMS = { plain: plainMimi, loaded: loadedMimi };

// The window of 6 positions is 3 frames: full many times.
test.each(['plain', 'loaded'] as const)('%s: chunks equal the whole', async (form) => {
  const network = await FORMS[form](mimiDir('tiny'));
  const x = sampleArray(40 * HOP);
  for (const frames of [1, 2, 5, 13, 40]) await expectChunksEqualWhole(network, x, 4, [frames]);
  await expectChunksEqualWhole(network, x, 4, [3, 1, 9, 2], 2);
  x.dispose();
  network.dispose();
});

test.each([1, HOP - 1, HOP + 1, 9 * HOP + 5])('the last chunk of %d samples may be short', async (length) => {
  const network = await loadedMimi(mimiDir('variant'));
  const x = sampleArray(length);
  for (const frames of [1, 4]) await expectChunksEqualWhole(network, x, 4, [frames]);
  x.dispose();
  network.dispose();
});

test('a frame depends on no later one', async () => {
  const network = await loadedMimi(mimiDir('tiny'));
  const x = sampleArray(12 * HOP);
  for (const frame of [1, 7]) expectNoLookahead(network, x, 4, frame, 100);
  x.dispose();
  network.dispose();
});

test('a batch of unequal lengths equals each alone', async () => {
  const network = await loadedMimi(mimiDir('tiny'));
  const signals = [10 * HOP, 3 * HOP, HOP, 10 * HOP + 5, 10 * HOP + 5].map((length, i) =>
    mx.array(testSamples(length, 100 * i), [length, 1]),
  );
  expectBatchEqualsAlone(network, signals, 5);
  mx.dispose(signals);
  network.dispose();
});
