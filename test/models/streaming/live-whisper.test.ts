/** Live sessions with the starter model: committed text stays, and nothing is invented. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import type { LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { LiveWhisperOptions } from '#daemon/models/whisper/streaming/live-whisper-options.js';
import { LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import { mx } from '#native/index.js';
import { clip, joined, samplesOf, starterModel } from '../model-fixtures.js';

const TRANSCRIPT =
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

/** Pushes chunks with an update after each; the last one is `finish`. Checks for leaks. */
async function transcribeLive(
  samples: Float32Array,
  pieceSamples: number,
  options: Partial<LiveWhisperOptions> = {},
): Promise<LiveUpdate[]> {
  const before = mx.liveArrays();
  const live = new LiveWhisper(model.deps, { language: 'en', ...options });
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

describe('live speech', () => {
  test('is committed word by word, in order, and completely', async () => {
    const updates = await transcribeLive(jfk, SECOND);
    const words = updates.flatMap(({ committed }) => committed);
    expect(errorsIn(TRANSCRIPT, textOf(updates), 'en').errors).toBeLessThanOrEqual(3);
    for (const [i, { start, end, probability }] of words.entries()) {
      expect(end).toBeGreaterThanOrEqual(start);
      expect(start).toBeGreaterThanOrEqual((words[i - 1]?.end ?? 0) - 0.5);
      expect(end).toBeLessThanOrEqual(11.1);
      expect(probability).toBeGreaterThan(0);
    }
    // The larger part arrives before the end.
    expect(updates.slice(0, -1).flatMap(({ committed }) => committed).length).toBeGreaterThan(12);
  });

  test('has tentative text before it is committed', async () => {
    const updates = await transcribeLive(jfk, SECOND);
    expect(updates.some(({ tentative }) => /\w/.test(tentative))).toBe(true);
    expect(updates.at(-1)?.tentative).toBe('');
  });

  test('has no text without speech', async () => {
    const updates = await transcribeLive(new Float32Array(8 * SECOND), SECOND);
    expect(updates.map(({ committed, tentative }) => [committed, tentative])).toEqual(
      updates.map(() => [[], '']),
    );
  });

  test('continues after a pause without inventing text', async () => {
    const updates = await transcribeLive(joined(jfk, new Float32Array(6 * SECOND), jfk), SECOND);
    expect(errorsIn(`${TRANSCRIPT} ${TRANSCRIPT}`, textOf(updates), 'en').errors).toBeLessThanOrEqual(7);
    const words = updates.flatMap(({ committed }) => committed);
    expect(words.filter(({ start, end }) => start > 11.2 && end < 16.8)).toEqual([]);
  });

  test('loses and repeats nothing where the window moves', async () => {
    // The last words have no silence after them, so nothing separates the four.
    const speech = jfk.subarray(0.3 * SECOND, 10.6 * SECOND);
    const updates = await transcribeLive(joined(speech, speech, speech, speech), SECOND / 2);
    expect(
      errorsIn(`${TRANSCRIPT} ${TRANSCRIPT} ${TRANSCRIPT} ${TRANSCRIPT}`, textOf(updates), 'en').errors,
    ).toBeLessThanOrEqual(12);
    const starts = updates.flatMap(({ committed }) => committed.map(({ start }) => start));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
  });
});

describe('a finished dictation', () => {
  test('is decoded again from its window and gives the offline text', async () => {
    const before = mx.liveArrays();
    const live = model.stream({ language: 'en' });
    live.push(jfk);
    await live.update(never);
    await live.finish(never);
    const result = await live.refine?.(never);
    live.dispose();
    expect(errorsIn(TRANSCRIPT, result?.text ?? '', 'en').errors).toBeLessThanOrEqual(1);
    expect(result?.segments).toHaveLength(1);
    const words = result?.segments[0]?.words ?? [];
    expect(
      words
        .map(({ word }) => word)
        .join('')
        .trim(),
    ).toBe(result?.text);
    expect(words.at(-1)?.end).toBeLessThanOrEqual(11.1);
    expect(result).toMatchObject({ language: 'en', durationSeconds: 11 });
    expect(mx.liveArrays()).toBe(before);
  });

  test('is not decoded again if its window is incomplete, doubtful or without speech', async () => {
    const incomplete = joined(jfk, new Float32Array(3 * SECOND), jfk);
    const verse = (await samplesOf(clip('sonnet1.mp3') ?? '')).subarray(36 * SECOND, 45 * SECOND);
    for (const samples of [incomplete, verse, new Float32Array(2 * SECOND)]) {
      const live = model.stream({ language: 'en' });
      for (let at = 0; at < samples.length; at += SECOND) {
        live.push(samples.subarray(at, at + SECOND));
        await live.update(never);
      }
      await live.finish(never);
      expect(await live.refine?.(never)).toBeUndefined();
      live.dispose();
    }
  });
});
