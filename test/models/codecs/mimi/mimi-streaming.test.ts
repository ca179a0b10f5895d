/** Mimi in chunks and in batches. */
import { expect, test } from '@jest/globals';

import type { StreamState } from '#daemon/models/codecs/layers/chunk-pass.js';
import { streamChunk } from '#daemon/models/codecs/run-chunk.js';
import { mx, type MxArray } from '#native/index.js';

import { distance, testSamples } from '../codec-fixtures.js';
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

test('chunks of decoding that are evaluated at the end equal the whole', async () => {
  const network = await loadedMimi(mimiDir('tiny'));
  const live = mx.liveArrays();
  const frames = 5;
  const codes = mx.array(
    Uint32Array.from({ length: 4 * frames }, (_, i) => (7 * i) % 32),
    [1, 4, frames],
  );
  const whole = mx.tidy(() => network.decode(codes).toTypedArray('float32'));
  let state: StreamState | undefined;
  const outputs: MxArray[] = [];
  for (let t = 0; t < frames; t++) {
    const frame = mx.slice(codes, [0, 0, t], [1, 4, t + 1]);
    const chunk = streamChunk(frame, (pass) => network.decodeSteps(pass), state);
    mx.dispose(frame);
    state?.dispose();
    state = chunk.state;
    outputs.push(chunk.output);
  }
  state?.dispose();
  const found = mx.tidy(() => mx.concatenate(outputs, 1).toTypedArray('float32'));
  expect(distance(found, whole)).toBeLessThan(1e-5);
  mx.dispose(outputs);
  codes.dispose();
  expect(mx.liveArrays()).toBe(live);
  network.dispose();
});
