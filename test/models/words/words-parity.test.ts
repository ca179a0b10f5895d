/**
 * Word times with real weights compared with the references (test/reference/make-word-fixtures.py): the same tokens, our
 * encoder and our alignment. Every clone has the starter model and its clips; other tests are skipped without theirs.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import { decodeWindow, makeCaches } from '#daemon/models/whisper/decode/decode.js';
import { disposeWindow, encode, type EncodedWindow } from '#daemon/models/whisper/encode/encode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { cutSegments } from '#daemon/models/whisper/decode/segments.js';
import { addWordTimes, type WordContext } from '#daemon/models/whisper/words/word-times.js';
import type { Word } from '#daemon/protocol/transcription.js';
import type { WhisperSegment } from '#daemon/models/whisper/whisper-options.js';
import { mx } from '#native/index.js';
import * as nn from '#native/nn/index.js';

import { skippedTest } from '#test/harness/skipping.js';
import { clip, fixture, realWeights, samplesOf, starterModel, streamOf } from '../model-fixtures.js';

interface Window {
  seek: number;
  audioFrames: number;
  lastSpeech: number;
  segments: {
    start: number;
    end: number;
    text: string;
    tokens: number[];
    placed: [start: number, end: number];
    words: [word: string, start: number, end: number, probability: number][];
  }[];
}
interface WordFixture {
  reference: string;
  clips: { id: string; file: string; sha256: string; language: string; windows: Window[] }[];
}

const never = new AbortController().signal;
/** One step of the alignment. */
const STEP_SECONDS = 0.02 + 1e-6;

async function encoded(model: WhisperModel, samples: Float32Array, seek: number): Promise<EncodedWindow> {
  const windows = new AudioWindows(streamOf(samples).samples, model.deps.mel);
  const span = (await windows.next(seek, never)) ?? { start: seek, frames: 0 };
  const mel = await windows.mel(span, WINDOW_FRAMES, 'zero', model.deps.model.dtype);
  await windows.dispose();
  return encode(model.deps.model, mel, never);
}

function contextOf(model: WhisperModel, language: string, window: Omit<Window, 'segments'>): WordContext {
  return {
    startSequence: model.deps.tokenizer.startSequence(language, 'transcribe', true),
    language,
    audioFrames: window.audioFrames,
    offsetSeconds: window.seek / 100,
    lastSpeechSeconds: window.lastSpeech,
  };
}

const plain = {
  details: { whisper: { avgLogprob: 0, noSpeechProb: 0, compressionRatio: 1, temperature: 0 } },
};

const starter = starterModel();
const models: [name: string, weights: { dir: string } | { missing: string }][] = [
  [basename(starter), { dir: starter }],
  ['base', realWeights('base')],
  ['tiny.en', realWeights('tiny.en')],
];

for (const [name, weights] of models) {
  const file = fixture(`words-${name}.json`);
  if ('missing' in weights) {
    skippedTest(`words of ${name} against the reference`, weights.missing);
    continue;
  }
  const { clips, reference } = JSON.parse(readFileSync(file, 'utf8')) as WordFixture;
  const available = clips.flatMap((entry) => {
    const path = clip(entry.file);
    if (path === undefined) return [];
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    return sha256 === entry.sha256 ? [{ ...entry, path }] : [];
  });

  describe(`words of ${name} against ${reference}'s`, () => {
    let model: WhisperModel;
    let live: number;
    const compared = { words: 0, apart: 0, sumSeconds: 0 };
    beforeAll(async () => {
      model = await WhisperModel.load(weights.dir);
      live = mx.liveArrays();
    });
    afterAll(() => {
      expect(mx.liveArrays()).toBe(live);
      model.dispose();
    });

    for (const { id, file } of clips)
      if (!available.some((one) => one.id === id))
        skippedTest(`${id}: the same words`, `no ../shared/speech: ${file}`);

    test.each(available.map((entry) => [entry.id, entry] as const))(
      '%s: the same words',
      async (_, entry) => {
        const samples = await samplesOf(entry.path);
        for (const window of entry.windows) {
          const segments = window.segments.map(({ start, end, text, tokens }): WhisperSegment => ({
            start,
            end,
            text,
            tokens,
            ...plain,
          }));
          const audio = await encoded(model, samples, window.seek);
          const got = await addWordTimes(
            segments,
            model.deps,
            audio,
            contextOf(model, entry.language, window),
            never,
          );
          disposeWindow(audio);
          expect(got).toHaveLength(segments.length);
          for (const [i, { words = [], text, start, end }] of got.entries()) {
            const want = window.segments[i];
            expect(words.map(({ word }) => word)).toEqual(want?.words.map(([word]) => word));
            expect(words.map(({ word }) => word).join('')).toBe(text);
            expect([start, end]).toEqual([words.at(0)?.start ?? start, words.at(-1)?.end ?? end]);
            for (const [j, { word, start, end, probability }] of words.entries()) {
              const [, wantStart = NaN, wantEnd = NaN, wantProbability = NaN] = want?.words[j] ?? [];
              const apart = Math.max(Math.abs(start - wantStart), Math.abs(end - wantEnd));
              compared.words++;
              compared.sumSeconds += apart;
              expect(Math.abs(probability - wantProbability)).toBeLessThan(0.01);
              if (apart <= STEP_SECONDS) continue;
              compared.apart++;
              if (process.env.SOTTO_SHOW_WORDS) {
                console.warn(`${entry.id}${word}: ${start}-${end} for ${wantStart}-${wantEnd}`);
              }
            }
          }
        }
      },
    );

    test('at least 99 of 100 words start and end within one step of the reference', () => {
      const { words, apart } = compared;
      console.info(`${name}: ${apart} of ${words} words are further than 0.02 s from the reference's`);
      expect(words).toBeGreaterThan(0);
      expect(apart).toBeLessThanOrEqual(Math.floor(words / 100));
    });
  });
}

describe('word times', () => {
  let model: WhisperModel;
  let samples: Float32Array;
  beforeAll(async () => {
    model = await WhisperModel.load(starter);
    const path = clip('libri-1998-15444-0002.flac') ?? clip('jfk.flac');
    samples = path === undefined ? new Float32Array(16_000 * 5) : await samplesOf(path);
  });
  afterAll(() => model.dispose());

  /** Decodes and aligns the first window of the audio. */
  async function decodedAndTimed(
    signal = never,
  ): Promise<{ segments: WhisperSegment[]; timed: WhisperSegment[] }> {
    const { model: network, tokenizer } = model.deps;
    const audioFrames = Math.min(WINDOW_FRAMES, Math.floor(samples.length / 160));
    const window = await encoded(model, samples, 0);
    const caches = makeCaches(network);
    const filters = new LogitFilters(tokenizer, network.config, { timestamps: true });
    try {
      const context = contextOf(model, 'en', { seek: 0, audioFrames, lastSpeech: 0 });
      const { startSequence } = context;
      const run = decodeWindow(
        { ...model.deps, model: network, caches, filters, startSequence, seed: 0 },
        window,
        [],
        0,
        never,
      );
      let step = await run.next();
      while (step.done !== true) step = await run.next();
      const { segments } = cutSegments(step.value, tokenizer, 0, audioFrames);
      return { segments, timed: await addWordTimes(segments, model.deps, window, context, signal) };
    } finally {
      filters.dispose();
      for (const cache of caches) cache.dispose();
      disposeWindow(window);
    }
  }

  test('of a decoded window are in order, inside the audio, and join to the text', async () => {
    const { segments, timed } = await decodedAndTimed();
    expect(timed.length).toBe(segments.length);
    expect(timed.length).toBeGreaterThan(0);
    let before = 0;
    for (const { words = [], text, start, end } of timed) {
      expect(words.map(({ word }: Word) => word).join('')).toBe(text);
      expect(start).toBe(words[0]?.start);
      expect(end).toBe(words.at(-1)?.end);
      for (const word of words) {
        expect(word.start).toBeGreaterThanOrEqual(before);
        expect(word.end).toBeGreaterThanOrEqual(word.start);
        expect(word.probability).toBeGreaterThan(0);
        expect(word.probability).toBeLessThanOrEqual(1);
        before = word.start;
      }
    }
    expect(before).toBeLessThan(samples.length / 16_000);
  });

  test('are cancelled without leaks', async () => {
    const live = mx.liveArrays();
    await expect(decodedAndTimed(AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
  });

  test('are empty without segments, and fail with too many tokens', async () => {
    const window = await encoded(model, samples, 0);
    const context = contextOf(model, 'en', { seek: 0, audioFrames: 3000, lastSpeech: 0 });
    expect(await addWordTimes([], model.deps, window, context, never)).toEqual([]);
    const long: WhisperSegment = {
      start: 0,
      end: 30,
      text: '',
      tokens: new Array<number>(460).fill(220),
      ...plain,
    };
    await expect(addWordTimes([long], model.deps, window, context, never)).rejects.toThrow(RangeError);
    disposeWindow(window);
  });

  test('work for a window with one frame of audio', async () => {
    const window = await encoded(model, samples, 0);
    for (const audioFrames of [0, 1, 2, 6, 20]) {
      const context = contextOf(model, 'en', { seek: 0, audioFrames, lastSpeech: 0 });
      const segment: WhisperSegment = {
        start: 0,
        end: 1,
        text: ' Yes.',
        tokens: model.deps.tokenizer.encode(' Yes.'),
        ...plain,
      };
      const [got] = await addWordTimes([segment], model.deps, window, context, never);
      expect(got?.words?.map(({ word }) => word)).toEqual([' Yes.']);
      expect(Number.isFinite(got?.words?.[0]?.probability)).toBe(true);
    }
    disposeWindow(window);
  });
});

test('attention scores match the weights of cross-attention, with and without panels', () => {
  const [batch, count, positions, heads, width] = [1, 3, 37, 4, 16];
  mx.tidy(() => {
    const kv = mx.random.normal([batch, positions, 2 * heads * width]);
    const q = mx.random.normal([batch, count, heads * width]);
    const caches: nn.CrossAttentionCache[] = [nn.crossAttentionCache(kv, heads)];
    const [keys, values] = mx.split(kv, 2, -1).map((part) => nn.splitHeads(part, heads));
    if (keys && values) caches.push([keys, values]);
    for (const crossAttentionCache of caches) {
      const weights = mx.softmax(nn.crossAttentionScores(q, crossAttentionCache, [0, 1, 2, 3]), -1);
      const attended = nn.mergeHeads(mx.matmul(weights, crossAttentionCache[1].astype('float32')));
      const off = mx.max(mx.abs(mx.subtract(attended, nn.crossAttend(q, crossAttentionCache))));
      expect(Number(off.item())).toBeLessThan(5e-3);
      const some = nn.crossAttentionScores(q, crossAttentionCache, [3, 1], 20);
      expect(some.shape).toEqual([batch, 2, count, 20]);
      const all = nn.crossAttentionScores(q, crossAttentionCache, [0, 1, 2, 3]);
      const same = mx.max(mx.abs(mx.subtract(mx.at(some, 0, 0), mx.at(all, 0, 3, ':', [0, 20]))));
      expect(Number(same.item())).toBeLessThan(1e-5);
    }
    expect(() => nn.crossAttentionScores(q, nn.crossAttentionCache(kv, heads), [0], 38)).toThrow(RangeError);
  });
});
