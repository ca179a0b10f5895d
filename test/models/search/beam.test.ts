/** Beam search compared with openai/whisper on the same weights and window. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import {
  makeCaches,
  type DecodeContext,
  type DecodeSearchOptions,
} from '#daemon/models/whisper/decode/decode.js';
import { disposeWindow, encode } from '#daemon/models/whisper/encode/encode.js';
import { decodeOnce } from '#daemon/models/whisper/decode/decode-once.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { mx } from '#native/index.js';
import { describeUnless } from '#test/harness/skipping.js';
import { clip, fixture, realWeights, samplesOf, starterModel, streamOf } from '../model-fixtures.js';

interface Case {
  clip: string;
  language: string;
  setting: DecodeSearchOptions;
  tokens: number[];
  avgLogprob: number;
  text: string;
}

const { cases } = JSON.parse(readFileSync(fixture('beams.json'), 'utf8')) as { cases: Case[] };
const never = new AbortController().signal;

async function decode(
  model: WhisperModel,
  file: string,
  language: string,
  search: DecodeSearchOptions,
  temperature = 0,
) {
  const { model: network, tokenizer } = model.deps;
  const live = mx.liveArrays();
  const windows = new AudioWindows(streamOf(await samplesOf(clip(file) ?? '')).samples, model.deps.mel);
  const span = (await windows.next(0, never)) ?? { start: 0, frames: 0 };
  const mel = await windows.mel(span, WINDOW_FRAMES, 'silence', network.dtype); // as its decode() pads
  await windows.dispose();
  const window = await encode(network, mel, never);
  const filters = new LogitFilters(tokenizer, network.config, { timestamps: true });
  const caches = makeCaches(network);
  const startSequence = tokenizer.startSequence(language, 'transcribe', true);
  const context: DecodeContext = {
    model: network,
    tokenizer,
    caches,
    filters,
    startSequence,
    seed: 1,
    search,
  };
  const run = decodeOnce(context, window, [], temperature, never);
  const shown: string[] = [];
  let step = await run.next();
  for (; step.done !== true; step = await run.next())
    if (step.value.type === 'text') shown.push(step.value.text);
  disposeWindow(window);
  filters.dispose();
  for (const cache of caches) cache.dispose();
  expect(mx.liveArrays()).toBe(live);
  return { ...step.value, shown };
}

const weights = realWeights('base');
const withWeights = describeUnless('missing' in weights ? weights.missing : undefined);

withWeights('beam search with the weights of base', () => {
  let model: WhisperModel;
  beforeAll(async () => {
    model = await WhisperModel.load('dir' in weights ? weights.dir : '');
  });
  afterAll(() => {
    model.dispose();
  });

  test.each(cases.map((one) => [one.clip, JSON.stringify(one.setting), one] as const))(
    'gives openai/whisper’s tokens for %s with %s',
    async (_clip, _setting, { clip: file, language, setting, tokens, avgLogprob }) => {
      const result = await decode(model, file, language, setting);
      expect(result.tokens).toEqual(tokens);
      expect(result.avgLogprob).toBeCloseTo(avgLogprob, 2);
      expect(result.shown.length).toBeGreaterThan(3);
    },
  );
});

describe('several sequences in parallel, with the starter model', () => {
  let model: WhisperModel;
  beforeAll(async () => {
    model = await WhisperModel.load(starterModel());
  });
  afterAll(() => {
    model.dispose();
  });

  test('a beam is never less probable than the greedy text', async () => {
    const [greedy, beam] = [
      await decode(model, 'jfk.flac', 'en', {}),
      await decode(model, 'jfk.flac', 'en', { beamSize: 5 }),
    ];
    expect(beam.avgLogprob).toBeGreaterThanOrEqual(greedy.avgLogprob - 1e-3);
    expect(beam.text).toMatch(/country/);
  });

  test('best-of sampling is seeded and picks a probable text', async () => {
    const once = await decode(model, 'jfk.flac', 'en', { bestOf: 4 }, 0.6);
    const again = await decode(model, 'jfk.flac', 'en', { bestOf: 4 }, 0.6);
    expect(again.tokens).toEqual(once.tokens);
    expect(once.temperature).toBe(0.6);
    expect(once.text).toMatch(/country/);
  });
});
