/** Word times in a whole transcription. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { clip, joined, samplesOf, starterModel, transcribed } from '../model-fixtures.js';
import type { WhisperResult } from '#daemon/models/whisper/whisper-options.js';

let model: WhisperModel;
let speech: Float32Array; // 11 s
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

const transcribe = (samples: Float32Array, options: TranscribeOptions): Promise<WhisperResult> =>
  transcribed(model, samples, { wordTimestamps: true, ...options });

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
  for (const { words = [], text, start, end } of segments) {
    expect(words.map(({ word }) => word).join('')).toBe(text);
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
  expect(country[0]).toBeGreaterThan(5.5); // at about 6.0 s and 9.7 s
  expect(country[0]).toBeLessThan(6.6);
});

test('words of a later window have the times of the file', async () => {
  const long = joined(speech, speech, speech, speech); // 44 s
  const { segments } = await transcribe(long, {
    whisper: { conditionOnPreviousText: false },
    temperature: [0],
  });
  const fellows = segments
    .flatMap(({ words = [] }) => words)
    .filter(({ word }) => /fellow/.test(word))
    .map(({ start }) => start);
  expect(fellows.length).toBeGreaterThanOrEqual(3);
  for (const start of fellows) expect(Math.abs((start % 11) - 1.0)).toBeLessThan(0.7);
});

test('hallucinationSilenceThreshold keeps speech and terminates', async () => {
  const long = joined(speech, new Float32Array(25 * 16_000), speech);
  for (const vad of [true, false]) {
    const { segments } = await transcribe(long, { vad, whisper: { hallucinationSilenceThreshold: 2 } });
    const textBetween = (from: number, to: number): string =>
      segments.flatMap(({ start, text }) => (start >= from && start < to ? text : [])).join('');
    expect(textBetween(0, 12)).toMatch(/fellow.*country/is);
    expect(textBetween(35, 60)).toMatch(/fellow.*country/is);
  }
});
