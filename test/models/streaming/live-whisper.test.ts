/** Speech that goes on, with the model of the repository: what is committed stays, and nothing is made up. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/word-errors.js';
import type { LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { type LiveOptions, LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import { mx } from '#native/index.js';
import { clip, joined, samplesOf, starterModel } from '../fixtures.js';

const SAID =
  'And so, my fellow Americans: ask not what your country can do for you, ask what you can do for your country.';
const never = new AbortController().signal;
const SECOND = 16_000;
let model: WhisperModel;
let jfk: Float32Array;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  jfk = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => model.dispose());

/** Speaks in pieces, looking after each; the last update is the end. No array is left behind. */
async function spoken(
  samples: Float32Array,
  pieceSamples: number,
  options: Partial<LiveOptions> = {},
): Promise<LiveUpdate[]> {
  const before = mx.liveArrays();
  const live = new LiveWhisper(model.parts, { language: 'en', ...options });
  const updates: LiveUpdate[] = [];
  for (let at = 0; at < samples.length; at += pieceSamples) {
    live.push(samples.subarray(at, at + pieceSamples));
    updates.push(await live.update(never));
  }
  updates.push(await live.finish(never));
  live.dispose();
  expect(mx.liveArrays()).toBe(before);
  return updates;
}

function textOf(updates: readonly LiveUpdate[]): string {
  return updates.flatMap(({ committed }) => committed.map(({ word }) => word)).join('');
}

describe('speech that goes on', () => {
  test('is committed word by word, in order, and in the end what was said', async () => {
    const updates = await spoken(jfk, SECOND);
    const words = updates.flatMap(({ committed }) => committed);
    expect(errorsIn(SAID, textOf(updates), 'en').errors).toBeLessThanOrEqual(3);
    for (const [i, { start, end, probability }] of words.entries()) {
      expect(end).toBeGreaterThanOrEqual(start);
      expect(start).toBeGreaterThanOrEqual((words[i - 1]?.end ?? 0) - 0.5);
      expect(end).toBeLessThanOrEqual(11.1);
      expect(probability).toBeGreaterThan(0);
    }
    // Most of it came before the end.
    expect(updates.slice(0, -1).flatMap(({ committed }) => committed).length).toBeGreaterThan(12);
  });

  test('shows what seems to follow before it is certain', async () => {
    const updates = await spoken(jfk, SECOND);
    expect(updates.some(({ tentative }) => /\w/.test(tentative))).toBe(true);
    expect(updates.at(-1)?.tentative).toBe('');
  });

  test('says nothing where nobody speaks, however long', async () => {
    const updates = await spoken(new Float32Array(8 * SECOND), SECOND);
    expect(updates.map(({ committed, tentative }) => [committed, tentative])).toEqual(
      updates.map(() => [[], '']),
    );
  });

  test('begins anew after a pause, and makes nothing up in it', async () => {
    const updates = await spoken(joined(jfk, new Float32Array(6 * SECOND), jfk), SECOND);
    expect(errorsIn(`${SAID} ${SAID}`, textOf(updates), 'en').errors).toBeLessThanOrEqual(7);
    const words = updates.flatMap(({ committed }) => committed);
    expect(words.filter(({ start, end }) => start > 11.2 && end < 16.8)).toEqual([]);
  });
});
