/** The second decode of doubtful windows, with the starter model. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DecodeContext, DecodeResult } from '#daemon/models/whisper/decode/decode.js';
import { REFERENCE_THRESHOLDS } from '#daemon/models/whisper/decode/quality.js';
import { isDoubtful, secondBeamSizeFor } from '#daemon/models/whisper/decode/second-decode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';
import { clip, samplesOf, starterModel, streamOf, transcribed } from '../model-fixtures.js';

describe('a greedy text is doubtful', () => {
  const sure: DecodeResult = {
    tokens: [1, 2],
    logprobs: [-0.1, -0.1],
    text: 'one two',
    avgLogprob: -0.1,
    noSpeechProb: 0.01,
    compressionRatio: 0.8,
    temperature: 0,
    seconds: 1,
  };
  const context = { search: { secondBeamSize: 5 } } as DecodeContext;

  test.each<[string, Partial<DecodeResult>, boolean]>([
    ['if it is improbable', { avgLogprob: -0.3 }, true],
    ['if it repeats itself', { compressionRatio: 3 }, true],
    ['not if it is probable', {}, false],
    ['not if it is a sample', { avgLogprob: -0.3, temperature: 0.2 }, false],
    ['not if it is dropped as silence', { avgLogprob: -1.5, noSpeechProb: 0.9 }, false],
  ])('%s', (_, change, expected) => {
    expect(isDoubtful({ ...sure, ...change }, context, REFERENCE_THRESHOLDS)).toBe(expected);
  });

  test('never if the caller has chosen beams or temperatures', () => {
    expect(
      isDoubtful({ ...sure, avgLogprob: -0.9 }, { search: {} } as DecodeContext, REFERENCE_THRESHOLDS),
    ).toBe(false);
  });

  test('never with a decoder so deep that its beams take too much memory', () => {
    expect([6, 12, 24, 32].map((nTextLayer) => secondBeamSizeFor({ nTextLayer }))).toEqual([
      5,
      5,
      undefined,
      undefined,
    ]);
  });
});

describe('a transcription', () => {
  let model: WhisperModel;
  let verse: Float32Array;
  let speech: Float32Array;
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
    verse = (await samplesOf(clip('sonnet1.mp3') ?? '')).subarray(0, 20 * 16_000);
    speech = await samplesOf(clip('jfk.flac') ?? '');
  });
  afterAll(() => {
    model.dispose();
  });
  const resultOf = async (samples: Float32Array, options: TranscribeOptions = {}) => {
    const { segments, text } = await transcribed(model, samples, {
      language: 'en',
      timestamps: false,
      vad: false,
      ...options,
    });
    return { text, avgLogprob: segments[0]?.details.whisper.avgLogprob ?? NaN };
  };

  test('has the more probable text of both decodes where the greedy one is doubtful', async () => {
    const greedy = await resultOf(verse, { beamSize: 1 });
    const twice = await resultOf(verse);
    expect(greedy.avgLogprob).toBeLessThan(-0.2);
    expect(twice.avgLogprob).toBeGreaterThan(greedy.avgLogprob);
    // The beams of openai-whisper stop at the fifth end, however improbable.
    expect(twice.avgLogprob).toBeGreaterThanOrEqual((await resultOf(verse, { beamSize: 5 })).avgLogprob);
    expect(await resultOf(verse, { temperature: [0] })).toEqual(greedy);
  });

  test('has the greedy text where it is certain', async () => {
    const greedy = await resultOf(speech, { beamSize: 1 });
    expect(greedy.avgLogprob).toBeGreaterThan(-0.2);
    expect(await resultOf(speech)).toEqual(greedy);
  });

  test('decodes the doubtful windows of a batch twice', async () => {
    const options = { batchSize: 2, vad: true };
    const greedy = await resultOf(verse, { ...options, beamSize: 1 });
    expect(greedy.avgLogprob).toBeLessThan(-0.2);
    const live = mx.liveArrays();
    expect((await resultOf(verse, options)).avgLogprob).toBeGreaterThan(greedy.avgLogprob);
    expect(mx.liveArrays()).toBe(live);
    const certain = await resultOf(speech, { ...options, beamSize: 1 });
    expect(await resultOf(speech, options)).toEqual(certain);
  });

  test('shows only the first decode as growing text, and frees every array', async () => {
    await resultOf(verse);
    const live = mx.liveArrays();
    const { signal } = new AbortController();
    const run = model.transcribe(streamOf(verse), { language: 'en', timestamps: false, vad: false }, signal);
    let longest = 0;
    for await (const event of run) {
      if (event.type !== 'text') continue;
      expect(event.text.length).toBeGreaterThan(longest);
      longest = event.text.length;
    }
    expect(longest).toBeGreaterThan(100);
    expect(mx.liveArrays()).toBe(live);
  });

  test('is cancelled within a step of the second decode', async () => {
    const abort = new AbortController();
    const live = mx.liveArrays();
    const options = { language: 'en', timestamps: false, vad: false };
    const run = model.transcribe(streamOf(verse), options, abort.signal);
    const greedy = (await resultOf(verse, { beamSize: 1 })).text.trim();
    await expect(async () => {
      for await (const event of run)
        if (event.type === 'text' && event.text.trim() === greedy) abort.abort();
        else if (event.type === 'segment') throw new Error('was not cancelled');
    }).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
  });
});
