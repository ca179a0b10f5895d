/** Several windows decoded at once give the same results as each alone. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import {
  type DecodeContext,
  decodeWindow,
  type DecodeResult,
  makeCaches,
} from '#daemon/models/whisper/decode/decode.js';
import { decodeBatch } from '#daemon/models/whisper/packing/decode-batch.js';
import {
  disposeWindow,
  encode,
  type EncodedWindow,
  joinWindows,
  pickWindows,
} from '#daemon/models/whisper/encode/encode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { mx } from '#native/index.js';
import { clip, samplesOf, starterModel, streamOf } from '../model-fixtures.js';

const never = new AbortController().signal;
const CLIPS = ['jfk.flac', 'austen-0880.flac', 'austen-0870.flac', 'austen-0930.flac', 'austen-0920.flac'];

let model: WhisperModel;
beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
});
afterAll(() => {
  model.dispose();
});

async function encoded(file: string): Promise<EncodedWindow> {
  const { model: network, mel: transform } = model.deps;
  const windows = new AudioWindows(streamOf(await samplesOf(clip(file) ?? '')).samples, transform);
  const span = (await windows.next(0, never)) ?? { start: 0, frames: 0 };
  const mel = await windows.mel(span, WINDOW_FRAMES, 'zero', network.dtype);
  await windows.dispose();
  return encode(network, mel, never);
}

function context(timestamps: boolean): DecodeContext {
  const { model: network, tokenizer } = model.deps;
  return {
    model: network,
    tokenizer,
    caches: makeCaches(network),
    filters: new LogitFilters(tokenizer, network.config, { timestamps }),
    startSequence: tokenizer.startSequence('en', 'transcribe', timestamps),
    seed: 0,
  };
}

function dispose({ caches, filters }: DecodeContext): void {
  filters.dispose();
  for (const cache of caches) cache.dispose();
}

async function alone(setting: DecodeContext, window: EncodedWindow, prompt: number[]): Promise<DecodeResult> {
  const run = decodeWindow(setting, window, prompt, 0, never);
  let step = await run.next();
  while (step.done !== true) step = await run.next();
  return step.value;
}

describe('windows of a batch', () => {
  test.each([
    [true, ''],
    [false, ''],
    [false, ' Mr. Dashwood and his wife'],
  ])(
    'give the same tokens as alone, in any order of ending (timestamps %s, prompt "%s")',
    async (timestamps, text) => {
      const live = mx.liveArrays();
      const windows = await Promise.all(CLIPS.map(encoded));
      const setting = context(timestamps);
      const prompt = text === '' ? [] : model.deps.tokenizer.encode(text);
      const expected: DecodeResult[] = [];
      for (const window of windows) expected.push(await alone(setting, window, prompt));

      const joined = await joinWindows(windows);
      const results = new Map<number, DecodeResult>();
      const shown = CLIPS.map(() => '');
      for await (const event of decodeBatch(
        CLIPS.map(() => setting),
        joined,
        prompt,
        never,
      )) {
        if (event.result === undefined) {
          expect(event.text.startsWith(shown[event.row] ?? '')).toBe(true);
          shown[event.row] = event.text;
        } else results.set(event.row, event.result);
      }
      expect([...results.keys()]).not.toEqual(CLIPS.map((_, i) => i)); // the short ones first
      for (const [row, { tokens, logprobs, avgLogprob, noSpeechProb, text: decoded }] of expected.entries()) {
        const got = results.get(row);
        expect(got?.tokens).toEqual(tokens);
        expect(got?.text).toBe(decoded);
        expect(got?.avgLogprob).toBeCloseTo(avgLogprob, 3);
        expect(got?.noSpeechProb).toBeCloseTo(noSpeechProb, 3);
        expect(got?.logprobs.length).toBe(logprobs.length);
        expect(shown[row]?.trim()).toBe(decoded);
      }
      disposeWindow(joined);
      dispose(setting);
      expect(mx.liveArrays()).toBe(live);
    },
  );

  test('a single one can be decoded again', async () => {
    const windows = await Promise.all(CLIPS.slice(0, 3).map(encoded));
    const setting = context(false);
    const [, second] = windows;
    const expected = second && (await alone(setting, second, []));
    const joined = await joinWindows(windows);
    const again = pickWindows(joined, [1]);
    expect(await alone(setting, again, [])).toMatchObject({ tokens: expected?.tokens });
    for (const window of [again, joined]) disposeWindow(window);
    dispose(setting);
  });

  test('stop at their token limit, and within a step of cancellation', async () => {
    const live = mx.liveArrays();
    const joined = await joinWindows(await Promise.all(CLIPS.slice(0, 3).map(encoded)));
    const setting = { ...context(false), maxTokens: 5 };
    const lengths: number[] = [];
    for await (const { result } of decodeBatch([setting, setting, setting], joined, [], never)) {
      if (result !== undefined) lengths.push(result.tokens.length);
    }
    expect(lengths).toEqual([5, 5, 5]);

    const controller = new AbortController();
    const run = decodeBatch([setting, setting, setting], joined, [], controller.signal);
    await run.next();
    controller.abort();
    const rest = async (): Promise<void> => {
      for await (const { row } of run) expect(row).toBeLessThan(3);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'CANCELLED' });
    disposeWindow(joined);
    dispose(setting);
    expect(mx.liveArrays()).toBe(live);
  });
});
