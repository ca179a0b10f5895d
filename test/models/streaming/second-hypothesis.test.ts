/** The second decode of doubtful live hypotheses, with the starter model. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LiveMel } from '#daemon/audio/mel/live-mel.js';
import type { DecodeContext } from '#daemon/models/whisper/decode/decode.js';
import { makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { disposeWindow, type EncodedWindow } from '#daemon/models/whisper/encode/encode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { hypothesize, meanLogprob } from '#daemon/models/whisper/streaming/hypothesize.js';
import { hypothesizeAgainIfDoubtful } from '#daemon/models/whisper/streaming/second-hypothesis.js';
import { StreamingDecoder } from '#daemon/models/whisper/streaming/streaming-decoder.js';
import { streamingConfigFor } from '#daemon/models/whisper/streaming/streaming-config.js';
import { mx } from '#native/index.js';
import { clip, samplesOf, starterModel } from '../model-fixtures.js';

const never = new AbortController().signal;
const SECOND = 16_000;

describe('a live hypothesis', () => {
  let model: WhisperModel;
  let context: DecodeContext;
  let decoder: StreamingDecoder;
  let verse: EncodedWindow;
  let speech: EncodedWindow;
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
    const { deps } = model;
    const { tokenizer } = deps;
    decoder = new StreamingDecoder(deps, streamingConfigFor(deps.model.config).window);
    context = {
      model: deps.model,
      tokenizer,
      caches: makeCaches(deps.model),
      filters: new LogitFilters(tokenizer, deps.model.config, { timestamps: false }),
      startSequence: tokenizer.startSequence('en', 'transcribe', false),
      seed: 0,
      search: { secondBeamSize: 5 },
    };
    const encode = async (file: string, from: number, to: number): Promise<EncodedWindow> => {
      const mel = new LiveMel(deps.mel);
      mel.push((await samplesOf(clip(file) ?? '')).subarray(from * SECOND, to * SECOND));
      return decoder.encode(mel, 0, mel.contentFrames, never);
    };
    verse = await encode('sonnet1.mp3', 36, 45);
    speech = await encode('jfk.flac', 0, 11);
  });
  afterAll(() => {
    for (const window of [verse, speech]) disposeWindow(window);
    for (const cache of context.caches) cache.dispose();
    context.filters.dispose();
    decoder.dispose();
    model.dispose();
  });
  const input = { prompt: [], committed: [], draft: [], maxTokens: 80 };
  const bothOf = async (window: EncodedWindow, committed: readonly number[] = []) => {
    const first = await hypothesize(context, window, { ...input, committed }, never);
    const last = await hypothesizeAgainIfDoubtful(first, context, window, { ...input, committed }, never);
    return { first, last };
  };

  test('is the more probable one of both decodes where the greedy one is doubtful', async () => {
    const { first, last } = await bothOf(verse);
    expect(meanLogprob(first.logprobs)).toBeLessThan(-0.2);
    expect(meanLogprob(last.logprobs)).toBeGreaterThan(meanLogprob(first.logprobs));
    expect(last.logprobs).toHaveLength(last.tokens.length);
    expect(last.ended).toBe(true);
  });

  test('is the greedy one where it is certain, or one beam is asked for', async () => {
    const { first, last } = await bothOf(speech);
    expect(last).toBe(first);
    const { search: _, ...single } = context;
    const doubtful = await hypothesize(context, verse, input, never);
    expect(await hypothesizeAgainIfDoubtful(doubtful, single, verse, input, never)).toBe(doubtful);
  });

  test('follows the committed tokens, which stay', async () => {
    const { first } = await bothOf(verse);
    const committed = first.tokens.slice(0, 5);
    const { first: rest, last } = await bothOf(verse, committed);
    expect(rest.tokens).toEqual(first.tokens.slice(5));
    expect(last.tokens.slice(0, 5)).not.toEqual(committed);
    expect(last.logprobs).toHaveLength(last.tokens.length);
    expect(meanLogprob(last.logprobs)).toBeGreaterThanOrEqual(meanLogprob(rest.logprobs));
  });

  test('that is noise is not decoded again', async () => {
    const noise = { tokens: [1, 2], logprobs: [-3, -3], ended: true, noSpeechProb: 0.9, accepted: 0 };
    expect(await hypothesizeAgainIfDoubtful(noise, context, verse, input, never)).toBe(noise);
  });

  test('is cancelled within a token, and frees every array', async () => {
    const first = await hypothesize(context, verse, input, never);
    await hypothesizeAgainIfDoubtful(first, context, verse, input, never);
    const live = mx.liveArrays();
    const abort = new AbortController();
    const again = hypothesizeAgainIfDoubtful(first, context, verse, input, abort.signal);
    abort.abort();
    await expect(again).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
  });
});
