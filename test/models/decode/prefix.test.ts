/** The prefix and the log-probabilities of tokens, with the starter model. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { clip, samplesOf, starterModel, transcribed } from '../model-fixtures.js';

let model: WhisperModel;
let speech: Float32Array;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  speech = await samplesOf(clip('jfk.flac') ?? '');
});
afterAll(() => model.dispose());

describe('a prefix', () => {
  test.each([
    ['greedy', {}],
    ['by beams', { beamSize: 3 }],
    ['without timestamps', { timestamps: false }],
    ['with words', { wordTimestamps: true }],
  ])('is what the text begins with: %s', async (_, options) => {
    const prefix = 'And so my fellow Amerikans';
    const { text, segments } = await transcribed(model, speech, { whisper: { prefix }, ...options });
    expect(text).toMatch(/^ And so my fellow Amerikans,? ask not what your country/);
    expect(segments[0]?.start).toBeLessThan(0.5);
  });

  test('of only spaces is ignored', async () => {
    const plain = await transcribed(model, speech);
    expect((await transcribed(model, speech, { whisper: { prefix: '  ' } })).text).toBe(plain.text);
  });
});

describe('the log-probabilities of tokens', () => {
  test('are absent by default', async () => {
    const { segments } = await transcribed(model, speech);
    expect(segments.map(({ tokenLogprobs }) => tokenLogprobs)).toEqual(segments.map(() => undefined));
  });

  test.each([
    ['greedy', {}],
    ['by beams', { beamSize: 3 }],
    ['drawn', { temperature: [0.4], whisper: { bestOf: 2 } }],
  ])('are one for each token, and with the end’s their mean is the segment’s: %s', async (_, options) => {
    const { segments } = await transcribed(model, speech, { tokenLogprobs: true, ...options });
    for (const { tokens, tokenLogprobs } of segments) expect(tokenLogprobs?.length).toBe(tokens.length);
    const all = segments.flatMap(({ tokenLogprobs = [] }) => tokenLogprobs);
    const avgLogprob = segments[0]?.details.whisper.avgLogprob ?? 0; // one window
    const end = avgLogprob * (all.length + 1) - all.reduce((sum, logprob) => sum + logprob, 0);
    expect(all.length).toBeGreaterThan(20);
    expect(Math.max(end, ...all)).toBeLessThanOrEqual(1e-5);
    expect(end).toBeGreaterThan(-3);
  });
});
