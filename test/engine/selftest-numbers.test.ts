/** The measurements of the self-test in a process of the engine's kind, on the device at hand. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { compareWithReference } from '#daemon/models/whisper/reference-comparison.js';
import { productTimes } from '#daemon/engine/selftest/speed.js';
import type { ReferenceResult } from '#daemon/protocol/selftest-process.js';
import { mx } from '#native/index.js';

const assets = join(packageRoot, 'assets');
const speech = (name: string): string => join(assets, 'speech', name);
const compare = (clip: string): Promise<ReferenceResult> =>
  compareWithReference(
    join(assets, 'selftest', 'whisper-base-6bit-jfk.json'),
    join(assets, 'models', 'whisper-base-6bit'),
    speech(clip),
  );

describe('the starter model against mlx-whisper', () => {
  let right: ReferenceResult;
  let live: number;
  beforeAll(async () => {
    live = mx.liveArrays();
    right = await compare('jfk.flac');
  });

  test('gives its encoder output and its 50 tokens', () => {
    expect(right).toMatchObject({ sameWeights: true, sameClip: true, tokens: 50 });
    expect(right.encoderError).toBeLessThan(right.encoderLimit);
    expect(right.differing.filter(({ margin }) => margin >= right.marginLimit)).toEqual([]);
    expect(right.equalTokens).toBe(50 - right.differing.length);
    expect(mx.liveArrays()).toBe(live);
  });

  test('notices another clip, which gives another output and other tokens', async () => {
    const wrong = await compare('austen-0880.flac');
    expect(wrong).toMatchObject({ sameWeights: true, sameClip: false });
    expect(wrong.encoderError).toBeGreaterThan(10 * wrong.encoderLimit);
    expect(wrong.differing.some(({ margin }) => margin >= wrong.marginLimit)).toBe(true);
  });
});

test('times both kinds of a product, and frees them', () => {
  const live = mx.liveArrays();
  const { rows, width, packedMs, plainMs } = productTimes(128, 4);
  expect([rows, width, packedMs > 0, plainMs > 0]).toEqual([4, 128, true, true]);
  expect(mx.liveArrays()).toBe(live);
});
