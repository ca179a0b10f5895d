/** A recording that runs overnight is hours of silence: the frames of a pause must not stay in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { SAMPLE_RATE } from '#daemon/audio/mel/mel.js';
import { SpeechTrack, VoiceActivity } from '#daemon/audio/vad/index.js';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { SpectralFrontEnd } from '#daemon/audio/mel/front-end.js';
import { whisperMel } from '#daemon/audio/mel/variants.js';
import { mx } from '#native/index.js';

import { clip, samplesOf, starterModel } from '../model-fixtures.js';

const never = new AbortController().signal;
const PAUSE_SECONDS = 720;
/** Packed windows wait up to 300 s for more speech. */
const SETTLED_SECONDS = 390;
/** The frames of the rest of the pause are 10 MB; those of a window are 1 MB. */
const MAX_GROWTH_BYTES = 4e6;

let model: WhisperModel;
let speech: Float32Array; // 2.6 s: And so my fellow Americans
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = (await samplesOf(clip('jfk.flac') ?? '')).slice(0, 2.6 * SAMPLE_RATE);
});
afterAll(() => {
  model.dispose();
});

/** Speech, a long pause, speech: a second at a time. `seen` receives MLX's memory during the pause, in bytes. */
async function* speechWithPause(before: Float32Array, seen: number[]): AsyncGenerator<Float32Array> {
  yield* secondsOf(before);
  for (let second = 0; second < PAUSE_SECONDS; second++) {
    if (second === SETTLED_SECONDS) await settledMemory();
    if (second >= SETTLED_SECONDS && second % 10 === 0) seen.push(mx.memory.active());
    yield await Promise.resolve(new Float32Array(SAMPLE_RATE));
  }
  yield* secondsOf(speech);
}

/** The speech before the pause is decoded meanwhile, possibly for longer than the pause. */
async function settledMemory(): Promise<void> {
  for (let [same, before] = [0, NaN]; same < 10;) {
    await sleep(100);
    const now = mx.memory.active();
    same = now === before ? same + 1 : 0;
    before = now;
  }
}

async function* secondsOf(samples: Float32Array): AsyncGenerator<Float32Array> {
  for (let at = 0; at < samples.length; at += SAMPLE_RATE)
    yield await Promise.resolve(samples.subarray(at, at + SAMPLE_RATE));
}

/** Compares minima of ten consecutive values, which excludes concurrent work. */
const growthOf = (seen: readonly number[]): number =>
  Math.min(...seen.slice(-10)) - Math.min(...seen.slice(0, 10));

describe('memory does not grow with a pause', () => {
  test.each<[string, TranscribeOptions, number]>([
    ['one window after the other', { language: 'en' }, 2.6],
    ['times of words', { language: 'en', wordTimestamps: true }, 2.6],
    ['the text alone', { language: 'en', timestamps: 'auto' }, 2.6],
    ['several windows at once', { language: 'en', batchSize: 4 }, 2.6],
    ['several windows at once with times of words', { batchSize: 2, wordTimestamps: true }, 2.6],
    ['several languages', { multilingual: true }, 2.6],
    ['a language that one short window is not enough for', {}, 1],
    ['several languages, of a short beginning', { multilingual: true, wordTimestamps: true }, 1],
  ])('%s', async (_, options, seconds) => {
    const seen: number[] = [];
    const before = speech.subarray(0, seconds * SAMPLE_RATE);
    const audio = { durationSeconds: undefined, samples: speechWithPause(before, seen) };
    const events = model.transcribe(audio, { temperature: [0], ...options }, never);
    let step = await events.next();
    while (step.done !== true) step = await events.next();
    const { segments, durationSeconds } = step.value;
    expect(seen.length).toBeGreaterThan(30);
    expect(growthOf(seen)).toBeLessThan(MAX_GROWTH_BYTES);
    // Speech after the pause has its words, with the times of the file.
    const last = segments.filter(({ start }) => start > seconds + PAUSE_SECONDS - 2);
    expect(last.map(({ text }) => text).join('')).toMatch(/fellow americans/i);
    expect(last[0]?.start).toBeLessThan(seconds + PAUSE_SECONDS + 1);
    expect(durationSeconds).toBeCloseTo(seconds + PAUSE_SECONDS + speech.length / SAMPLE_RATE, 1);
  });

  test('searching past the pause does not change the windows before and after it', async () => {
    const voice = await VoiceActivity.load();
    const frontEnd = new SpectralFrontEnd(whisperMel(80));
    const windowsOf = (seen: number[]): AudioWindows =>
      new AudioWindows(speechWithPause(speech, seen), frontEnd, new SpeechTrack(voice.stream()));
    const melOf = async (windows: AudioWindows, from: number): Promise<Float32Array> => {
      const window = await windows.next(from, never);
      if (window === undefined) throw new Error(`no window from frame ${from} on`);
      const mel = await windows.mel(window, WINDOW_FRAMES, 'zero', 'float32');
      const values = mel.toTypedArray('float32').slice();
      mx.dispose(mel);
      return values;
    };
    const live = mx.liveArrays();
    const seen: number[] = [];
    const searchedAhead = windowsOf(seen);
    const first = await searchedAhead.next(0, never);
    const end = (first?.start ?? NaN) + (first?.frames ?? NaN);
    const behind = await melOf(searchedAhead, end);
    expect(growthOf(seen)).toBeLessThan(MAX_GROWTH_BYTES);
    const again = [
      await melOf(searchedAhead, 0),
      await melOf(searchedAhead, 100),
      await melOf(searchedAhead, end),
    ];
    await searchedAhead.dispose();

    const sequential = windowsOf([]);
    const [before, later] = [await melOf(sequential, 0), await melOf(sequential, 100)];
    sequential.advance(end);
    const last = await melOf(sequential, end);
    await sequential.dispose();
    expect(again).toEqual([before, later, last]);
    expect(behind).toEqual(last);
    expect(mx.liveArrays()).toBe(live);
    frontEnd.dispose();
    voice.dispose();
  });
});
