/** Live sessions write nothing for noise, and pauses add no words. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { NON_SPEECH } from '#test/audio/vad/non-speech.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, missingClips, joined, samplesOf, starterModel } from '../model-fixtures.js';

const never = new AbortController().signal;
const SECOND = 16_000;
let model: WhisperModel;
let speech: Float32Array; // And so my fellow Americans
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = (await samplesOf(clip('jfk.flac') ?? '')).slice(0, 2.6 * SECOND);
});
afterAll(() => model.dispose());

/** All updates with a step each half a second; the last one is `finish`. */
async function transcribeLive(samples: Float32Array): Promise<LiveUpdate[]> {
  const live = model.stream({ language: 'en' });
  const updates: LiveUpdate[] = [];
  for (let at = 0; at < samples.length; at += SECOND / 2) {
    live.push(samples.subarray(at, at + SECOND / 2));
    updates.push(await live.update(never));
  }
  updates.push(await live.finish(never));
  live.dispose();
  return updates;
}

function makeNoise(name: string, seconds: number): Float32Array {
  const make = NON_SPEECH.get(name);
  if (make === undefined) throw new Error(`no sound is called ${name}`);
  return make(seconds);
}

const text = (updates: readonly LiveUpdate[]): string =>
  updates.flatMap(({ committed }) => committed.map(({ word }) => word)).join('');

describe('no words, not even for a moment', () => {
  test.each([...NON_SPEECH.keys()])('%s', async (name) => {
    const updates = await transcribeLive(makeNoise(name, 4));
    expect(updates.map(({ committed, tentative }) => [committed.length, tentative])).toEqual(
      updates.map(() => [0, '']),
    );
  });

  testUnless(missingClips('music-bbb-5s.flac'))('music that resembles humming', async () => {
    expect(text(await transcribeLive(await samplesOf(clip('music-bbb-5s.flac') ?? '')))).toBe('');
  });
});

test.each(['digital silence', 'room, -55 dB', 'breathing'])(
  'a pause of %s adds and loses no words',
  async (name) => {
    const updates = await transcribeLive(joined(speech, makeNoise(name, 9), speech, makeNoise(name, 2)));
    expect(
      text(updates)
        .toLowerCase()
        .replace(/[^a-z ]/g, '')
        .trim(),
    ).toMatch(/^and so my fellow americans? and so my fellow americans?$/);
    const words = updates.flatMap(({ committed }) => committed);
    expect(words.filter(({ start }) => start > 3.2 && start < 11)).toEqual([]);
  },
);
