/** Silence yields no words, and a long pause neither adds nor loses any. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { isSilent, REFERENCE_THRESHOLDS } from '#daemon/models/whisper/decode/quality.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { NON_SPEECH } from '#test/audio/vad/non-speech.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, missingClips, joined, samplesOf, starterModel, transcribed } from '../model-fixtures.js';
import type { WhisperResult } from '#daemon/models/whisper/whisper-options.js';

const RATE = 16_000;

let model: WhisperModel;
let speech: Float32Array; // 2.6 s: And so my fellow Americans
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = (await samplesOf(clip('jfk.flac') ?? '')).slice(0, 2.6 * RATE);
});
afterAll(() => {
  model.dispose();
});

const sound = (name: string, seconds: number): Float32Array => {
  const made = NON_SPEECH.get(name);
  if (made === undefined) throw new Error(`no sound is called ${name}`);
  return made(seconds);
};

describe('no words', () => {
  test.each([...NON_SPEECH.keys()])('%s', async (name) => {
    const samples = sound(name, 6);
    const { text, segments } = await transcribed(model, samples, { timestamps: 'auto' });
    expect([text, segments]).toEqual(['', []]);
  });

  const music = 'music-bbb-5s.flac';
  testUnless(missingClips(music))('music that resembles humming, quiet and loud', async () => {
    const samples = await samplesOf(clip(music) ?? '');
    for (const gain of [0.3, 1]) {
      const quiet = samples.map((x) => x * gain);
      expect((await transcribed(model, quiet, { timestamps: 'auto' })).text).toBe('');
    }
  });
});

const words = ({ segments }: WhisperResult, from: number, to: number): string =>
  segments
    .filter(({ start }) => start >= from && start < to)
    .map(({ text }) => text)
    .join('')
    .toLowerCase()
    .replace(/[^a-z ]/g, '')
    .trim();

describe('a long pause adds and loses no words, and later times are right', () => {
  test.each([
    ['digital silence', 30],
    ['room, -55 dB', 35],
    ['hum of 50 Hz, -45 dB', 40],
    ['piano', 35],
    ['breathing', 30],
  ])('%s, %d s', async (name, seconds) => {
    const pause = sound(name, seconds).map((x) => x * (name === 'piano' ? 0.1 : 1));
    const result = await transcribed(model, joined(speech, pause, speech));
    const [ended, begins] = [2.6, 2.6 + seconds];
    expect(words(result, 0, ended)).toMatch(/^and so my fellow americans?$/);
    expect(words(result, ended, begins - 0.5)).toBe('');
    expect(words(result, begins - 0.5, Infinity)).toMatch(/^and so my fellow americans?$/);
    const next = result.segments.find(({ start }) => start > ended);
    expect(Math.abs((next?.start ?? 0) - begins)).toBeLessThan(0.6);
  });
});

describe('without VAD', () => {
  test('a hallucination in a pause is dropped on request', async () => {
    const first = (await samplesOf(clip('jfk.flac') ?? '')).slice(0, 11 * RATE);
    const samples = joined(first, sound('digital silence', 30));
    const plain: TranscribeOptions = { vad: false, temperature: [0], wordTimestamps: true };
    const invented = await transcribed(model, samples, plain);
    expect(words(invented, 11.6, Infinity)).not.toBe('');
    const kept = await transcribed(model, samples, {
      ...plain,
      whisper: { hallucinationSilenceThreshold: 2 },
    });
    expect(words(kept, 11.6, Infinity)).toBe('');
    expect(words(kept, 0, 11.6)).toBe(words(invented, 0, 11.6));
    expect(words(kept, 0, 11.6)).toMatch(/^and so my fellow americans.*for your country$/);
  });
});

describe('two doubts', () => {
  const resultWith = (noSpeechProb: number, avgLogprob: number) => ({
    noSpeechProb,
    avgLogprob,
    compressionRatio: 1,
  });
  const silent = (noSpeech: number, logprob: number, maxProbability?: number, seconds = 1): boolean =>
    isSilent(
      resultWith(noSpeech, logprob),
      REFERENCE_THRESHOLDS,
      maxProbability === undefined ? undefined : { maxProbability, seconds },
    );

  test('are needed: humming is dropped, a quiet voice stays', () => {
    expect(silent(0.73, -0.98, 0.92)).toBe(true); // music-bbb-5s, base
    expect(silent(0.68, -0.58, 0.98, 2)).toBe(true);
    expect(silent(0.62, -0.7, 0.999)).toBe(false); // "one, two, three", 30 dB quieter, base
    expect(silent(0.56, -0.76, 0.95, 3.5)).toBe(false); // digits, 30 dB quieter, base
    expect(silent(0.05, -0.67, 0.98, 0.7)).toBe(false);
    expect(silent(0.9, -0.3, 0.7)).toBe(false);
  });

  test('without VAD only the reference’s rule applies', () => {
    expect(silent(0.73, -0.98)).toBe(false);
    expect(silent(0.73, -1.01)).toBe(true);
    expect(silent(0.59, -5)).toBe(false);
  });

  test('never count if the caller keeps every window', () => {
    const every = { ...REFERENCE_THRESHOLDS, noSpeech: 1 };
    expect(isSilent(resultWith(0.99, -3), every, { maxProbability: 0.5, seconds: 0.1 })).toBe(false);
  });
});
