/**
 * Whisper with real weights compared with mlx-whisper's float32 values (test/reference/make-whisper-fixtures.py). Every clone
 * has the starter model and its clips; tests with the float16 weights and the other clips are skipped without them. Every
 * clip of every model: SOTTO_ALL_CLIPS=1. Without it the long file and the majority of tiny.en are left out.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { AudioWindows, WINDOW_FRAMES } from '#daemon/models/whisper/encode/audio-windows.js';
import {
  type DecodeResult,
  decodeWindow,
  makeCaches,
  tokenRow,
} from '#daemon/models/whisper/decode/decode.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import { detectLanguage } from '#daemon/models/whisper/language/detect-language.js';
import { LogitFilters } from '#daemon/models/whisper/decode/logit-filters.js';
import { disposeWindow, encode } from '#daemon/models/whisper/encode/encode.js';
import { mx, type MxArray } from '#native/index.js';

import { skippedTest, testUnless } from '#test/harness/skipping.js';
import {
  clip,
  missingClips,
  fixture,
  realWeights,
  samplesOf,
  starterModel,
  streamOf,
  decodeFloats,
} from './model-fixtures.js';

interface Decoded {
  tokens: number[];
  avgLogprob: number;
  noSpeechProb: number;
  compressionRatio: number;
}
interface Clip {
  id: string;
  file: string;
  sha256: string;
  language: string;
  detected?: string;
  timestamps?: Decoded;
  plain?: Decoded;
  longForm?: [start: number, end: number, tokens: number[]][];
}
interface ModelFixture {
  first: {
    file: string;
    start: number[];
    encoderRows: number[];
    encoder: string;
    logitsStep: number;
    logits: string;
  };
  clips: Clip[];
}

const never = new AbortController().signal;

/** The largest difference over the largest value. */
function relative(got: Float32Array, want: Float32Array): number {
  expect(got.length).toBe(want.length);
  let [worst, scale] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs((got[i] ?? NaN) - (want[i] ?? NaN));
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
    scale = Math.max(scale, Math.abs(want[i] ?? 0));
  }
  return worst / scale;
}

function floats(array: MxArray): Float32Array {
  return new Float32Array(array.toTypedArray() as Float32Array);
}

async function windowOf(model: WhisperModel, samples: Float32Array): Promise<MxArray> {
  const windows = new AudioWindows(streamOf(samples).samples, model.deps.mel);
  const span = await windows.next(0, never);
  if (span === undefined) throw new Error('no audio');
  const mel = await windows.mel(span, WINDOW_FRAMES, 'zero', model.deps.model.dtype);
  await windows.dispose();
  return mel;
}

/** One window, encoded once: its language, and its tokens with timestamps and without. */
async function decode(model: WhisperModel, samples: Float32Array, language: string) {
  const { model: network, tokenizer } = model.deps;
  const caches = makeCaches(network);
  const window = await encode(network, await windowOf(model, samples), never);
  const { language: detected } = await detectLanguage(network, tokenizer, window, caches);
  const results: DecodeResult[] = [];
  for (const timestamps of [true, false]) {
    const filters = new LogitFilters(tokenizer, network.config, { timestamps });
    const startSequence = tokenizer.startSequence(language, 'transcribe', timestamps);
    const context = { model: network, tokenizer, caches, filters, startSequence, seed: 0 };
    const run = decodeWindow(context, window, [], 0, never);
    let step = await run.next();
    while (step.done !== true) step = await run.next();
    results.push(step.value);
    filters.dispose();
  }
  disposeWindow(window);
  for (const cache of caches) cache.dispose();
  return { detected, results };
}

/** The available clips of a fixture, verified by hash. */
function present(clips: Clip[]): (Clip & { path: string })[] {
  return clips.flatMap((entry) => {
    const path = clip(entry.file);
    if (path === undefined) return [];
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    return sha256 === entry.sha256 ? [{ ...entry, path }] : [];
  });
}

const all = process.env.SOTTO_ALL_CLIPS === '1';
const LONG_SEGMENTS = 40;
const starter = starterModel();
const models: [name: string, weights: { dir: string } | { missing: string }][] = [
  [basename(starter), { dir: starter }],
  ['base', realWeights('base')],
  ['tiny.en', realWeights('tiny.en')],
];

for (const [name, weights] of models) {
  const file = fixture(`${name}.json`);
  if ('missing' in weights) {
    skippedTest(`${name} against the reference`, weights.missing);
    continue;
  }
  const reference = JSON.parse(readFileSync(file, 'utf8')) as ModelFixture;
  const available = present(reference.clips);
  const few = available.filter(({ longForm }) => (longForm?.length ?? 0) < LONG_SEGMENTS);
  const clips = all ? available : name === 'tiny.en' ? few.slice(0, 8) : few;

  describe(`${name} against the reference`, () => {
    let model: WhisperModel;
    let live: number;
    beforeAll(async () => {
      model = await WhisperModel.load(weights.dir);
      live = mx.liveArrays();
    });
    afterAll(() => {
      expect(mx.liveArrays()).toBe(live);
      model.dispose();
    });

    for (const { id, file } of reference.clips) {
      if (clips.some((one) => one.id === id)) continue;
      const isAvailable = available.some((one) => one.id === id);
      skippedTest(
        `${id}: the same tokens`,
        isAvailable ? 'only with SOTTO_ALL_CLIPS=1' : `no ../shared/speech: ${file}`,
      );
    }

    const { first } = reference;
    testUnless(missingClips(first.file))('encodes and scores the first tokens within 2e-3', async () => {
      const { model: network } = model.deps;
      const mel = await windowOf(model, await samplesOf(clip(first.file) ?? ''));
      const caches = makeCaches(network);
      const { features, logits } = mx.tidy(() => {
        const features = network.encoder.forward(mel);
        const cross = network.decoder.blocks.map((block) => block.crossKeysValues(features));
        const hidden = network.decoder.forward(tokenRow(first.start), caches, cross);
        const logits = network.decoder.logits(
          mx.slice(
            hidden,
            [0, first.start.length - 1, 0],
            [1, first.start.length, network.config.nTextState],
          ),
        );
        return { features: mx.astype(features, 'float32'), logits };
      });
      await mx.ready(features, logits);
      const width = network.config.nAudioState;
      const all = floats(features);
      const rows = new Float32Array(first.encoderRows.length * width);
      for (const [i, row] of first.encoderRows.entries())
        rows.set(all.subarray(row * width, (row + 1) * width), i * width);
      expect(relative(rows, decodeFloats(first.encoder))).toBeLessThanOrEqual(2e-3);
      const sampled = floats(logits).filter((_, i) => i % first.logitsStep === 0);
      expect(relative(sampled, decodeFloats(first.logits))).toBeLessThanOrEqual(2e-3);
      mx.dispose([mel, features, logits]);
      for (const cache of caches) cache.dispose();
    });

    const short = clips.filter(({ timestamps }) => timestamps !== undefined);
    test.each(short.map((entry) => [entry.id, entry] as const))('%s: the same tokens', async (_, entry) => {
      const samples = await samplesOf(entry.path);
      const { detected, results } = await decode(model, samples, entry.language);
      for (const [i, want] of [entry.timestamps, entry.plain].entries()) {
        const got = results[i];
        expect(got?.tokens).toEqual(want?.tokens);
        expect(got?.avgLogprob).toBeCloseTo(want?.avgLogprob ?? NaN, 3);
        expect(got?.noSpeechProb).toBeCloseTo(want?.noSpeechProb ?? NaN, 3);
        expect(got?.compressionRatio).toBeCloseTo(want?.compressionRatio ?? NaN, 1); // zlib differs by a few bytes
      }
      if (entry.detected !== undefined) expect(detected).toBe(entry.detected);
    });

    const long = clips.filter(({ longForm }) => longForm !== undefined);
    if (long.length > 0) {
      test.each(long.map((entry) => [entry.id, entry] as const))(
        '%s: the same segments',
        async (_, entry) => {
          const samples = await samplesOf(entry.path);
          const run = model.transcribe(
            streamOf(samples),
            { language: entry.language, temperature: [0], vad: false },
            never,
          );
          let step = await run.next();
          while (step.done !== true) step = await run.next();
          const got = step.value.segments.map(({ start, end, tokens }) => [start, end, tokens]);
          const centi = (seconds: number): number => Math.round(seconds * 100) / 100;
          expect(got).toEqual(
            entry.longForm?.map(([start, end, tokens]) => [centi(start), centi(end), tokens]),
          );
        },
      );
    }
  });
}
