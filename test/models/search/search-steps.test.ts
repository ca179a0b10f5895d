/** Searches with candidates selected on the device and speculative steps. */
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { join } from 'node:path';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { type DecodeContext, makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { decodeWithSearch } from '#daemon/models/whisper/search/decode-with-search.js';
import { DeviceCandidates } from '#daemon/models/search/device-candidates.js';
import { disposeWindow, encode, type EncodedWindow } from '#daemon/models/whisper/encode/encode.js';
import { HotwordSearch } from '#daemon/models/hotwords/hotword-search.js';
import { Hotwords } from '#daemon/models/hotwords/hotword-trie.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { FullRows } from '#daemon/models/search/candidates.js';
import { BeamSearch, type Search } from '#daemon/models/search/search.js';
import { hypothesizeWithHotwords } from '#daemon/models/whisper/streaming/hypothesize-with-hotwords.js';
import type { SearchMode } from '#daemon/models/search/search-steps.js';
import { mx, type MxArray } from '#native/index.js';
import * as nn from '#native/nn/index.js';
import { root, samplesOf, starterModel, streamOf } from '../model-fixtures.js';

const never = new AbortController().signal;
mx.setDefaultDevice('cpu');
afterEach(() => {
  jest.restoreAllMocks();
});

test('candidates of the device equal those of full rows, the first on ties', () => {
  const vocabulary = 40;
  const value = fc.oneof(fc.integer({ min: -3, max: 0 }), fc.constant(-Infinity)); // ties are frequent
  const row = fc.array(value, { minLength: vocabulary, maxLength: vocabulary });
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 6 }),
      (rows, count) => {
        const listed = [3, 0, 39, 17];
        const device = new DeviceCandidates({ count, listed });
        mx.tidy(() => {
          const logits = mx.array(Float32Array.from(rows.flat()), [rows.length, vocabulary]);
          const whole = new FullRows(nn.logSoftmax(logits).toTypedArray('float32'), vocabulary);
          const picked = device.pick(logits);
          const source = device.read(picked);
          for (const place of rows.keys()) {
            expect(source.topK(place, count)).toEqual(whole.topK(place, count));
            for (const token of listed)
              expect(source.logprob(place, token)).toBe(whole.logprob(place, token));
          }
        });
        device.dispose();
      },
    ),
  );
});

describe('with the starter model', () => {
  let model: WhisperModel;
  let window: EncodedWindow;
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
    const { samples } = streamOf(await samplesOf(join(root, 'assets/speech/jfk.flac')));
    const windows = new AudioWindows(samples, model.deps.mel);
    const span = (await windows.next(0, never)) ?? { start: 0, frames: 0 };
    const mel = await windows.mel(span, WINDOW_FRAMES, 'silence', model.deps.model.dtype);
    await windows.dispose();
    window = await encode(model.deps.model, mel, never);
  });
  afterAll(() => {
    disposeWindow(window);
    model.dispose();
  });

  const contextOf = (timestamps: boolean): DecodeContext => {
    const { model: network, tokenizer } = model.deps;
    const filters = new LogitFilters(tokenizer, network.config, { timestamps });
    const startSequence = tokenizer.startSequence('en', 'transcribe', timestamps);
    return { model: network, tokenizer, filters, caches: makeCaches(network), startSequence, seed: 1 };
  };
  const free = ({ filters, caches }: DecodeContext): void => {
    filters.dispose();
    for (const cache of caches) cache.dispose();
  };
  /** Counters of a decode, and its reads of the size of the vocabulary. */
  const watched = (context: DecodeContext) => {
    const [cache] = context.caches;
    let [steps, speculative, undone, waits, pending] = [0, 0, 0, 0, 0];
    const { decoder } = context.model;
    const forward = decoder.forward.bind(decoder);
    jest.spyOn(decoder, 'forward').mockImplementation((...args) => {
      steps++;
      if (pending > 0) speculative++;
      pending++;
      return forward(...args);
    });
    for (const wait of ['ready', 'eval'] as const) {
      const original = mx[wait] as (...arrays: MxArray[]) => Promise<void>;
      jest.spyOn(mx, wait).mockImplementation((...arrays) => {
        waits++;
        pending = Math.max(0, pending - 1);
        return original(...(arrays as MxArray[]));
      });
    }
    const undo = (): void => {
      undone++;
      pending--;
    };
    if (cache) {
      const reorderSpeculatively = cache.reorderSpeculatively.bind(cache);
      jest.spyOn(cache, 'reorderSpeculatively').mockImplementation((rows) => {
        const { commit, revert } = reorderSpeculatively(rows);
        return { commit, revert: () => (undo(), revert()) };
      });
      const trim = cache.trim.bind(cache);
      jest.spyOn(cache, 'trim').mockImplementation((count) => {
        if (count === 1) undo();
        trim(count);
      });
    }
    const read = jest.spyOn(mx.MxArray.prototype, 'toTypedArray');
    return () => ({
      steps,
      /** Queued before the previous step was waited for. */
      speculative,
      undone,
      waits,
      wholeRows: read.mock.results.filter(
        ({ value }) => (value as Float32Array).length >= model.deps.model.config.nVocab,
      ).length,
    });
  };

  // 'american dream' starts like the speech and differs later; 'countrie' ends inside a word.
  const WORDS = ['american dream', 'countrie', 'fellow', 'Zbigniew', 'asked not'];
  const RARE = ['Zbigniew'];
  test.each([
    { name: 'greedy with words', beamSize: 1, words: WORDS, undone: [1, 20], minAhead: 0.3 },
    {
      name: 'greedy with words that are not spoken',
      beamSize: 1,
      words: RARE,
      undone: [0, 3],
      minAhead: 0.9,
    },
    { name: 'a beam of 2', beamSize: 2, undone: [0, 2], minAhead: 0.95 },
    { name: 'a beam of 5', beamSize: 5, undone: [0, 2], minAhead: 0.95 },
    { name: 'a beam of 3 with patience', beamSize: 3, patience: 2, undone: [0, 2], minAhead: 0.95 },
    { name: 'a beam without timestamps', beamSize: 5, timestamps: false, undone: [0, 2], minAhead: 0.95 },
    { name: 'a beam with words', beamSize: 3, words: WORDS, undone: [0, 20], minAhead: 0.1 },
    {
      name: 'a beam with words that are not spoken',
      beamSize: 3,
      words: RARE,
      undone: [0, 5],
      minAhead: 0.5,
    },
  ])(
    '$name gives the same tokens and log-probabilities',
    async ({ beamSize, words, patience, timestamps = true, undone, minAhead }) => {
      const { tokenizer, model: network } = model.deps;
      const live = mx.liveArrays();
      const { endOfText } = tokenizer.special;
      const decode = async (mode: SearchMode) => {
        const context = contextOf(timestamps);
        const limits = { endOfText, vocabulary: network.config.nVocab, beamSize, patience };
        const search: Search = words
          ? new HotwordSearch({ ...limits, hotwords: new Hotwords(words, tokenizer) })
          : new BeamSearch(limits);
        const seen = watched(context);
        const run = decodeWithSearch(context, window, [], 0, search, never, mode);
        let step = await run.next();
        while (step.done !== true) step = await run.next();
        free(context);
        const facts = seen();
        jest.restoreAllMocks();
        return { ...step.value, seconds: 0, ...facts };
      };
      const [host, device] = [await decode('full-rows'), await decode('speculative')];
      const candidates = await decode('candidates');
      expect({ ...candidates, steps: 0, waits: 0, undone: 0, speculative: 0 }).toEqual({
        ...{ ...host, steps: 0, waits: 0, undone: 0, speculative: 0 },
        wholeRows: 0,
      });
      expect([candidates.steps, candidates.speculative]).toEqual([host.steps, 0]);
      const { steps, speculative, waits } = device;
      expect(host.text).toMatch(/country/);
      expect(device).toEqual({ ...host, steps, speculative, waits, undone: device.undone, wholeRows: 0 });
      expect(host.wholeRows).toBeGreaterThan(20);
      expect([host.undone, host.speculative]).toEqual([0, 0]);
      // The step after the last token may be queued too.
      const [minUndone = 0, maxUndone = 0] = undone;
      expect(device.undone).toBeGreaterThanOrEqual(minUndone);
      expect(device.undone).toBeLessThanOrEqual(maxUndone);
      expect(steps - host.steps).toBe(device.undone);
      expect(speculative).toBeGreaterThanOrEqual(minAhead * host.steps);
      // One per step, the no-speech probability, and the buffers of each block.
      expect(waits).toBe(host.steps + 1 + network.config.nTextLayer);
      expect(mx.liveArrays()).toBe(live);
    },
  );

  test.each([
    { name: 'from nothing', draft: '' },
    { name: 'from a draft that is half right', draft: ' And so my fellow Canadians' },
  ])('a live hypothesis $name is the same', async ({ draft }) => {
    const { tokenizer } = model.deps;
    const live = mx.liveArrays();
    const guess = async (mode: SearchMode) => {
      const context = { ...contextOf(false), hotwords: new Hotwords(WORDS, tokenizer) };
      const seen = watched(context);
      const begun = { prompt: [], committed: [], draft: tokenizer.encode(draft), maxTokens: 60 };
      const result = await hypothesizeWithHotwords(context, window, begun, never, mode);
      free(context);
      const { wholeRows } = seen();
      jest.restoreAllMocks();
      return { ...result, wholeRows };
    };
    const [host, device] = [await guess('full-rows'), await guess('speculative')];
    expect(await guess('candidates')).toEqual({ ...host, wholeRows: 0 });
    expect(tokenizer.decode(host.tokens)).toMatch(/country/);
    expect(device).toEqual({ ...host, wholeRows: 0 });
    expect(host.wholeRows).toBeGreaterThan(5);
    expect(mx.liveArrays()).toBe(live);
  });
});
