/** Words with times through a whole transcription. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { clip, samplesOf, starterModel, streamOf } from './fixtures.js';

let model: WhisperModel;
let speech: Float32Array; // 11 s
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

async function transcribe(samples: Float32Array, options: TranscribeOptions): Promise<TranscribeResult> {
  const live = mx.liveArrays();
  const run = model.transcribe(
    streamOf(samples),
    { language: 'en', wordTimestamps: true, ...options },
    new AbortController().signal,
  );
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  expect(mx.liveArrays()).toBe(live);
  return step.value;
}

test.each<TranscribeOptions>([
  {},
  { vad: false },
  { timestamps: 'auto' },
  { timestamps: false },
  { beamSize: 3 },
])('every segment has its words, in order and within the file: %p', async (options) => {
  const { segments, text } = await transcribe(speech, options);
  const words = segments.flatMap(({ words = [] }) => words);
  expect(words.map(({ word }) => word).join('')).toBe(text);
  for (const { words = [], text: said, start, end } of segments) {
    expect(words.map(({ word }) => word).join('')).toBe(said);
    expect([words[0]?.start, words.at(-1)?.end]).toEqual([start, end]);
  }
  let before = 0;
  for (const { start, end, probability } of words) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(probability).toBeGreaterThan(0);
    expect(probability).toBeLessThanOrEqual(1);
    before = start;
  }
  expect(words.at(-1)?.end).toBeLessThanOrEqual(11);
  const country = words.filter(({ word }) => /country/.test(word)).map(({ start }) => start);
  expect(country[0]).toBeGreaterThan(5.5); // said at 6.0 s and at 9.7 s or so
  expect(country[0]).toBeLessThan(6.6);
});

test('words of a later window have the times of the file', async () => {
  const long = new Float32Array(speech.length * 4); // 44 s
  for (const i of [0, 1, 2, 3]) long.set(speech, i * speech.length);
  const { segments } = await transcribe(long, { conditionOnPreviousText: false, temperature: [0] });
  const fellows = segments
    .flatMap(({ words = [] }) => words)
    .filter(({ word }) => /fellow/.test(word))
    .map(({ start }) => start);
  expect(fellows.length).toBeGreaterThanOrEqual(3);
  for (const start of fellows) expect(Math.abs((start % 11) - 1.0)).toBeLessThan(0.7);
});

test('speech is kept, and the work ends, where silence is looked at with suspicion', async () => {
  const pause = 25 * 16_000;
  const long = new Float32Array(2 * speech.length + pause);
  long.set(speech, 0);
  long.set(speech, speech.length + pause);
  for (const vad of [true, false]) {
    const { segments } = await transcribe(long, { vad, hallucinationSilenceThreshold: 2 });
    const said = (from: number, to: number): string =>
      segments.flatMap(({ start, text }) => (start >= from && start < to ? text : [])).join('');
    expect(said(0, 12)).toMatch(/fellow.*country/is);
    expect(said(35, 60)).toMatch(/fellow.*country/is);
  }
});
