import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { isPlausible, shortWindowFrames } from '#daemon/models/whisper/encode/short-window.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { clip, joined, samplesOf, starterModel, streamOf, transcribed } from '../model-fixtures.js';
import type { WhisperResult } from '#daemon/models/whisper/whisper-options.js';

describe('the length of a short window', () => {
  test('covers the audio and at least a second of silence, at most 30 s, in few sizes', () => {
    const lengths = new Set<number>();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (frames) => {
        const length = shortWindowFrames(frames);
        lengths.add(length);
        expect(length).toBeGreaterThanOrEqual(Math.min(3000, frames + 200));
        expect(length).toBeGreaterThanOrEqual(1500);
        expect(length).toBeLessThanOrEqual(3000);
      }),
      { numRuns: 500 },
    );
    expect(lengths.size).toBeLessThanOrEqual(9);
    expect(shortWindowFrames(490)).toBe(1500);
    expect(shortWindowFrames(1900)).toBe(2200);
  });
});

describe('a text of a short window', () => {
  const result = { compressionRatio: 1.2, avgLogprob: -0.3 };
  const plausible = (text: string, seconds = 10, language = 'en', with_ = {}): boolean =>
    isPlausible({ ...result, ...with_, text }, seconds * 100, language);

  test('is plausible for speech', () => {
    expect(plausible('And so my fellow Americans, ask not what your country can do for you.')).toBe(true);
    expect(plausible('')).toBe(true);
    expect(plausible('No, no.', 1)).toBe(true);
    expect(plausible('我们今天晚上去看电影吧', 3, 'zh')).toBe(true);
  });

  test('is implausible if words repeat at once, in any script and punctuation', () => {
    expect(plausible('Thank you very much. thank you, very much')).toBe(false);
    expect(plausible('And then, so so so it goes')).toBe(false);
    expect(plausible('It was very, very good, and what it can do and what we can do we know.')).toBe(true);
    expect(plausible('我们今天去看电影我们今天去看电影', 10, 'zh')).toBe(false);
  });

  test('is implausible with more words than anyone can speak', () => {
    const words = 'one two three four five six seven eight nine ten eleven twelve';
    expect(plausible(words, 3)).toBe(true);
    expect(plausible(words, 2)).toBe(false);
  });

  test('is implausible with a low confidence or a high compression ratio', () => {
    expect(plausible('A text.', 10, 'en', { avgLogprob: -1.01 })).toBe(false);
    expect(plausible('A text.', 10, 'en', { compressionRatio: 2.01 })).toBe(false);
  });
});

describe('timestamps: auto', () => {
  let model: WhisperModel;
  let speech: Float32Array; // 11 s
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
    speech = await samplesOf(clip('jfk.flac') ?? '');
  });
  afterAll(() => {
    model.dispose();
  });

  interface ShortWindowResult extends WhisperResult {
    /** Mel frames of each window that was encoded. */
    encoded: number[];
  }

  async function transcribe(samples: Float32Array, options: TranscribeOptions): Promise<ShortWindowResult> {
    const { encoder } = model.deps.model;
    const encoded: number[] = [];
    const embed = encoder.embed.bind(encoder);
    const spy = jest.spyOn(encoder, 'embed').mockImplementation((mel) => {
      encoded.push(mel.shape[1] ?? 0);
      return embed(mel);
    });
    try {
      const result = await transcribed(model, samples, { temperature: [0], vad: false, ...options });
      return { ...result, encoded };
    } finally {
      spy.mockRestore();
    }
  }

  const words = (text: string): string => text.toLowerCase().replace(/[^a-z ]/g, '');

  test('encodes only the speech, with the same words as one segment', async () => {
    const [text, timed] = [await transcribe(speech, { timestamps: 'auto' }), await transcribe(speech, {})];
    expect(text.encoded).toEqual([1500]);
    expect(timed.encoded).toEqual([3000]);
    expect(words(text.text)).toBe(words(timed.text));
    expect(text.segments.map(({ start, end }) => [start, end])).toEqual([[0, 11]]);
    expect(text.durationSeconds).toBe(timed.durationSeconds);
  });

  test('decodes the whole window if the short one is implausible', async () => {
    const phrase = speech.subarray(0, 2.6 * 16_000); // "And so my fellow Americans"
    const thrice = joined(phrase, phrase, phrase);
    const text = await transcribe(thrice, { timestamps: 'auto' });
    expect(text.encoded).toEqual([1500, 3000]);
    expect(text.text).toBe((await transcribe(thrice, { timestamps: false })).text);
  });

  test('decodes whole windows with timestamps if the audio does not fit in one', async () => {
    const long = joined(speech, speech, speech); // 33 s
    const [text, timed] = [await transcribe(long, { timestamps: 'auto' }), await transcribe(long, {})];
    expect(text.encoded).toEqual(timed.encoded);
    expect(text.encoded.every((frames) => frames === 3000)).toBe(true);
    expect(text.segments).toEqual(timed.segments);
  });

  test('finds the language, and no words in silence', async () => {
    const run = model.transcribe(streamOf(speech), { timestamps: 'auto' }, new AbortController().signal);
    const first = await run.next();
    await run.return(undefined as never);
    expect(first.value).toMatchObject({ type: 'language', language: 'en' });
    const silence = await transcribe(new Float32Array(16_000 * 4), { timestamps: 'auto' });
    const whole = await transcribe(new Float32Array(16_000 * 4), { timestamps: false });
    expect(silence.text).toBe(whole.text);
  });
});
