/** Beams and hotwords of Parakeet, in files and live, on tiny checkpoints. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import { liveParakeet } from '#daemon/models/parakeet/live-parakeet.js';
import type { LiveCheckpoint, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type { TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';

import { clip, samplesOf, streamOf } from '../model-fixtures.js';
import { PARAKEET_CHECKPOINTS, parakeetDir } from './parakeet-fixtures.js';

const never = new AbortController().signal;
const RATE = 16_000;
/** Words of the letters that the vocabulary has: the random models write them nearly as well as others. */
const WORDS = [
  'aid',
  'egg',
  'ice',
  'oar',
  'sea',
  'tea',
  'aha',
  'the end',
  'sing',
  'oboe',
  'eel',
  'inn',
  'star',
  'tug',
];

let jfk: Float32Array; // 11 s
beforeAll(async () => {
  jfk = await samplesOf(clip('jfk.flac') ?? '');
});

async function transcribe(model: ParakeetModel, options: TranscribeOptions): Promise<TranscribeResult> {
  const events = model.transcribe(streamOf(jfk), { vad: false, wordTimestamps: true, ...options }, never);
  for (;;) {
    const step = await events.next();
    if (step.done === true) return step.value;
  }
}

describe.each(PARAKEET_CHECKPOINTS)('%s', (name) => {
  let model: ParakeetModel;
  beforeAll(async () => {
    model = await ParakeetModel.load(parakeetDir(name));
  });
  afterAll(() => model.dispose());

  test.each<TranscribeOptions>([{ beamSize: 3 }, { hotwords: WORDS }, { beamSize: 3, hotwords: WORDS }])(
    'takes %j, with times and confidence',
    async (options) => {
      const live = mx.liveArrays();
      const { text, segments } = await transcribe(model, options);
      expect(text.length).toBeGreaterThan(10);
      const words = segments.flatMap((segment) => segment.words ?? []);
      const starts = words.map(({ start }) => start);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      expect(words.every(({ end, probability }) => end <= 11.01 && probability > 0 && probability <= 1)).toBe(
        true,
      );
      expect(mx.liveArrays()).toBe(live);
    },
  );

  test('writes more listed words with a list, and the same text without a word that it can write', async () => {
    const count = ({ text }: TranscribeResult): number =>
      WORDS.filter((word) => new RegExp(`(?<![a-z])${word}(?![a-z])`).test(text.toLowerCase())).length;
    const plain = await transcribe(model, {});
    expect(count(await transcribe(model, { hotwords: WORDS }))).toBeGreaterThanOrEqual(count(plain));
    expect((await transcribe(model, { hotwords: ['東京', 'QZ'] })).text).toBe(plain.text);
  });
});

describe('live, with hotwords', () => {
  let model: ParakeetModel;
  beforeAll(async () => {
    model = await ParakeetModel.load(parakeetDir('tdt-huggingface'));
  });
  afterAll(() => model.dispose());

  async function dictate(hotwords: string[], switchAt = -1): Promise<LiveUpdate[]> {
    const deps = { ...model.deps, capabilities: model.capabilities.transcribe };
    const windows = { leftFrames: 25, chunkFrames: 10, lookaheadFrames: 5 };
    const open = (from?: LiveCheckpoint) => liveParakeet(deps, { language: 'en', hotwords }, from, windows);
    let live = open();
    const updates: LiveUpdate[] = [];
    for (let at = 0; at < jfk.length; at += RATE) {
      live.push(jfk.subarray(at, at + RATE));
      updates.push(await live.update(never));
      if (at / RATE !== switchAt) continue;
      const checkpoint = JSON.parse(JSON.stringify(live.checkpoint())) as LiveCheckpoint;
      live.dispose();
      live = open(checkpoint);
      live.push(jfk.subarray(checkpoint.fromSample, at + RATE));
    }
    updates.push(await live.finish(never));
    live.dispose();
    return updates;
  }

  test('words differ, and a checkpoint within one continues it', async () => {
    const whole = await dictate(WORDS);
    expect(whole).not.toEqual(await dictate([]));
    for (const switchAt of [3, 5, 8]) expect(await dictate(WORDS, switchAt)).toEqual(whole);
  });

  test('a checkpoint with tokens outside the vocabulary is refused', () => {
    const deps = { ...model.deps, capabilities: model.capabilities.transcribe };
    const live = liveParakeet(deps, { language: 'en' });
    const { fromSample, state } = live.checkpoint();
    const { predictionDims, predictionLayers } = deps.transducer?.config ?? {
      predictionDims: 0,
      predictionLayers: 0,
    };
    const zeros = Buffer.alloc(4 * predictionDims).toString('base64');
    const utterance = (tokens: number[]) => ({
      chunks: 0,
      recurrent: Array.from({ length: 2 * predictionLayers }, () => zeros),
      hotwords: { isInWord: false, tokens },
    });
    const from = (tokens: number[]): LiveCheckpoint => ({
      fromSample,
      state: { ...(state as object), utterance: utterance(tokens) },
    });
    liveParakeet(deps, { language: 'en', hotwords: WORDS }, from([1, 2])).dispose();
    for (const tokens of [[9_999], [-1], Array.from({ length: 201 }, () => 1)])
      expect(() => liveParakeet(deps, { language: 'en' }, from(tokens))).toThrow(/checkpoint/);
    live.dispose();
  });
});
