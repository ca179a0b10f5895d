/** Only speech is decoded: silence stays silent, and times are those of the file. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { clip, joined, samplesOf, starterModel, transcribed } from '../model-fixtures.js';
import type { WhisperResult } from '#daemon/models/whisper/whisper-options.js';

const RATE = 16_000;

let model: WhisperModel;
let speech: Float32Array; // 11 s
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => {
  model.dispose();
});

const transcribe = (samples: Float32Array, options?: TranscribeOptions): Promise<WhisperResult> =>
  transcribed(model, samples, options);

const silence = (seconds: number): Float32Array => new Float32Array(seconds * RATE);

/** Room noise and mains hum, without speech. */
function noise(seconds: number, level: number): Float32Array {
  let [state, low] = [7, 0];
  return Float32Array.from({ length: seconds * RATE }, (_, i) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    low = 0.97 * low + 0.03 * (state / 2 ** 31 - 1);
    return level * (low + 0.3 * Math.sin((2 * Math.PI * 50 * i) / RATE));
  });
}

describe('without speech', () => {
  test.each<[string, () => Float32Array]>([
    ['digital silence', () => silence(40)],
    ['a quiet room', () => noise(35, 0.01)],
    ['a hum', () => noise(20, 0.3)],
    ['less than a frame', () => silence(0.01)],
  ])('there are no words: %s', async (_, samples) => {
    for (const timestamps of [true, 'auto'] as const) {
      const { text, segments, durationSeconds } = await transcribe(samples(), { timestamps });
      expect([text, segments]).toEqual(['', []]);
      expect(durationSeconds).toBeCloseTo(samples().length / RATE, 3);
    }
  });
});

describe('with sparse speech', () => {
  test.each([3, 20, 50])('words have the times of the file after %d s of silence', async (seconds) => {
    const { segments, text } = await transcribe(joined(silence(seconds), speech, silence(5)));
    expect(text).toMatch(/country/);
    expect(segments[0]?.start).toBeGreaterThan(seconds - 1);
    expect(segments[0]?.start).toBeLessThan(seconds + 1);
    expect(segments.at(-1)?.end).toBeLessThan(seconds + 12.5);
  });

  test('a long pause adds no words and loses none after it', async () => {
    const pause = 40;
    const { segments } = await transcribe(joined(speech, noise(pause, 0.003), speech));
    const [before, after] = [11.5, 11 + pause - 0.5];
    expect(segments.filter(({ start, end }) => end > before && start < after)).toEqual([]);
    const words = (from: number, to: number): string =>
      segments
        .filter(({ start }) => start >= from && start < to)
        .map(({ text }) => text)
        .join('')
        .toLowerCase()
        .replace(/[^a-z ]/g, '');
    expect(words(0, before)).toMatch(/fellow americans.*for your country/);
    expect(words(after, Infinity)).toMatch(/fellow americans.*for your country/);
  });

  test('the text without times is the same', async () => {
    const [plain, everything] = [
      await transcribe(joined(silence(4), speech, silence(4)), { timestamps: 'auto' }),
      await transcribe(speech, { timestamps: false, vad: false }),
    ];
    const words = (text: string): string =>
      text
        .toLowerCase()
        .replace(/[^a-z ]/g, '')
        .trim();
    expect(words(plain.text)).toBe(words(everything.text));
  });
});

describe('VAD options', () => {
  test('a low threshold includes a distant voice', async () => {
    const far = speech.map((x) => x / 1000);
    expect((await transcribe(far)).text).toBe('');
    expect((await transcribe(far, { vad: { threshold: 0.05 } })).text).toMatch(/your country/);
  });

  test('a long minimum drops short speech', async () => {
    const word = speech.slice(0, 2 * RATE);
    expect((await transcribe(word)).text).not.toBe('');
    expect((await transcribe(word, { vad: { minSpeechMs: 3000 } })).text).toBe('');
  });

  test('pauses below the minimum silence stay in the window, with the times of the file', async () => {
    const paused = joined(speech.slice(0, 3 * RATE), silence(4), speech);
    for (const minSilenceMs of [300, 6000]) {
      const { segments } = await transcribe(paused, { vad: { minSilenceMs, speechPadMs: 200 } });
      expect(segments.at(-1)?.end).toBeGreaterThan(16);
      expect(segments.filter(({ start, end }) => start > 3.2 && end < 6.8)).toEqual([]);
    }
  });

  test('contradictory thresholds are rejected', async () => {
    const vad = { threshold: 0.3, negativeThreshold: 0.4 };
    await expect(transcribe(speech, { vad })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('below 0.3'),
    });
  });
});
