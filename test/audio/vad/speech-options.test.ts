/** The effect of each VAD option. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type SpeechOptions,
  SpeechSegmenter,
  SpeechTrack,
  type SpeechSegment,
  VoiceActivity,
} from '#daemon/audio/vad/index.js';
import { validateSpeechOptions } from '#daemon/audio/vad/speech-options.js';
import { SottoError } from '#daemon/protocol/errors.js';

import { decodeAll } from '../fixtures.js';
import { NON_SPEECH } from './non-speech.js';
import { louder, withNoise } from './degradations.js';

const RATE = 16_000;
const speech = fileURLToPath(new URL('../../../../assets/speech/', import.meta.url));

let voice: VoiceActivity;
let jfk: Float32Array; // 11 s, with short pauses
let sonnet: Float32Array; // 53 s, with pauses of up to a second
beforeAll(async () => {
  voice = await VoiceActivity.load();
  jfk = (await decodeAll(join(speech, 'jfk.flac'))).samples;
  sonnet = (await decodeAll(join(speech, 'sonnet1.mp3'))).samples;
});
afterAll(() => {
  voice.dispose();
});

function segments(samples: Float32Array, options: SpeechOptions = {}): SpeechSegment[] {
  const stream = voice.stream();
  const segmenter = new SpeechSegmenter(validateSpeechOptions(options));
  const found = segmenter.push(stream.push(samples));
  found.push(...segmenter.push(stream.flush()));
  return [...found, ...segmenter.end(samples.length)];
}

const seconds = (found: readonly SpeechSegment[]): number =>
  found.reduce((sum, { start, end }) => sum + end - start, 0) / RATE;
const sound = (name: string, length = 30): Float32Array =>
  NON_SPEECH.get(name)?.(length) ?? new Float32Array(0);

describe('threshold', () => {
  test('when raised, rejects knocks and music but not noisy speech', () => {
    const noisy = withNoise('white noise, -25 dB', 0)(jfk);
    expect(segments(sound('knocks at a door')).length).toBeGreaterThan(0);
    expect(segments(sound('band')).length).toBeGreaterThan(0);
    for (const name of ['knocks at a door', 'band']) {
      expect(segments(sound(name), { threshold: 0.97 })).toEqual([]);
    }
    expect(seconds(segments(noisy, { threshold: 0.97 }))).toBeGreaterThan(10);
  });

  test('when lowered, finds distant speech', () => {
    const far = louder(-60)(jfk);
    expect(segments(far)).toEqual([]);
    expect(seconds(segments(far, { threshold: 0.05 }))).toBeGreaterThan(10);
  });
});

test('a lower negativeThreshold continues speech through a weak sound', () => {
  expect(seconds(segments(sound('band'), { negativeThreshold: 0.05 }))).toBeGreaterThan(
    seconds(segments(sound('band'), { negativeThreshold: 0.49 })),
  );
});

test('minSpeechMs drops shorter segments, whether words or knocks', () => {
  const word = jfk.slice(0.2 * RATE, 0.75 * RATE);
  expect(segments(word)).toHaveLength(1);
  expect(segments(word, { minSpeechMs: 600 })).toEqual([]);
  const knocks = (minSpeechMs: number): number => segments(sound('knocks at a door'), { minSpeechMs }).length;
  expect(knocks(50)).toBeGreaterThan(knocks(250));
  expect(knocks(2000)).toBe(0);
});

test('minSilenceMs splits segments at longer pauses', () => {
  const parts = [100, 500, 2000].map((minSilenceMs) => segments(sonnet, { minSilenceMs }).length);
  expect(parts).toEqual([17, 6, 1]);
});

test('speechPadMs extends both sides, up to the length of the audio', () => {
  const [bare] = segments(jfk, { speechPadMs: 0 });
  const [padded] = segments(jfk, { speechPadMs: 100 });
  expect((bare?.start ?? 0) - (padded?.start ?? 0)).toBe(0.1 * RATE);
  expect(segments(jfk, { speechPadMs: 5000 })).toEqual([{ start: 0, end: jfk.length }]);
});

describe('the evidence of speech', () => {
  const tracked = (samples: Float32Array, options: SpeechOptions = {}): SpeechTrack => {
    const track = new SpeechTrack(voice.stream(), options);
    track.push(samples);
    track.end();
    return track;
  };

  test('is high in speech, low in knocks and zero in silence', () => {
    const inSpeech = tracked(jfk).evidence(0, jfk.length);
    expect(inSpeech.maxProbability).toBeGreaterThan(0.99);
    expect(inSpeech.seconds).toBeGreaterThan(7);
    const knocked = tracked(sound('knocks at a door', 8)).evidence(0, 8 * RATE);
    expect(knocked.maxProbability).toBeLessThan(0.99);
    expect(knocked.seconds).toBeLessThan(1);
    expect(tracked(new Float32Array(RATE)).evidence(0, RATE).seconds).toBe(0);
    expect(tracked(new Float32Array(0)).evidence(0, RATE)).toEqual({ maxProbability: 0, seconds: 0 });
  });

  test('does not change when earlier audio is dropped', () => {
    const track = tracked(jfk);
    const [from, to] = [5 * RATE, 7 * RATE];
    const before = track.evidence(from, to);
    track.drop(from);
    expect(track.evidence(from, to)).toEqual(before);
    track.drop(to);
    expect(track.evidence(from, to).seconds).toBeLessThan(0.1);
  });

  test('is final after the lookahead of the options', () => {
    const lookahead = (options: SpeechOptions): number =>
      new SpeechTrack(voice.stream(), options).lookaheadSamples / RATE;
    expect(lookahead({})).toBeCloseTo(2.6, 3);
    expect(lookahead({ minSilenceMs: 5000, speechPadMs: 1000 })).toBeCloseTo(6.2, 3);
    expect(lookahead({ minSilenceMs: 100, minSpeechMs: 3000 })).toBeCloseTo(3.6, 3);
  });
});

describe('validation', () => {
  test.each<[SpeechOptions, RegExp]>([
    [{ threshold: 0.4, negativeThreshold: 0.4 }, /below 0\.4, or omit it for the default of 0\.25/],
    [{ negativeThreshold: 0.6 }, /below 0\.5/],
    [{ threshold: 1.5 }, /probability/],
    [{ threshold: NaN }, /probability/],
    [{ negativeThreshold: -0.1 }, /probability/],
    [{ minSilenceMs: -1 }, /duration/],
    [{ speechPadMs: NaN }, /duration/],
  ])('refuses %j with a hint', (options, advice) => {
    const refusal = (): SottoError => {
      try {
        validateSpeechOptions(options);
      } catch (error) {
        if (error instanceof SottoError) return error;
      }
      throw new Error('it was accepted');
    };
    expect(refusal().code).toBe('INVALID_ARGUMENT');
    expect(refusal().hint).toMatch(advice);
  });

  test('accepts valid options', () => {
    for (const options of [
      {},
      { threshold: 0.01 },
      { threshold: 0.3, negativeThreshold: 0.29 },
      { minSpeechMs: 0 },
    ]) {
      expect(validateSpeechOptions(options)).toBe(options);
    }
  });
});
