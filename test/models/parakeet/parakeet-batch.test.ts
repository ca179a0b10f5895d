/** Pieces of a file decoded at once give what each gives alone. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import type { TranscribeEvent, TranscribeOptions, TranscribeResult } from '#daemon/protocol/transcription.js';

import { clip, joined, samplesOf, streamOf } from '../model-fixtures.js';
import { europeanParakeetDir, LETTERS, wordOf } from './european-parakeet.js';
import { parakeetDir } from './parakeet-fixtures.js';

const { signal } = new AbortController();
const RATE = 16_000;

/** Nearly as probable as others for the random models. */
const WORDS = ['aid', 'egg', 'ice', 'sea', 'tea', 'star', 'eel'];

const jfk = await samplesOf(clip('jfk.flac') ?? '');
const pause = new Float32Array(3 * RATE);
const part = (seconds: number): Float32Array => jfk.subarray(0, seconds * RATE);
const samples = joined(part(5), pause, part(2.2), pause, part(3.4), pause, part(1.1));

async function transcribe(
  model: ParakeetModel,
  options: TranscribeOptions,
  audio = samples,
): Promise<{ result: TranscribeResult; events: TranscribeEvent[] }> {
  const generator = model.transcribe(streamOf(audio), { wordTimestamps: true, ...options }, signal);
  const events: TranscribeEvent[] = [];
  for (;;) {
    const next = await generator.next();
    if (next.done === true) return { result: next.value, events };
    events.push(next.value);
  }
}

test.each([
  ['tdt-huggingface', {}],
  ['rnnt-nemo', {}],
  ['ctc-huggingface', {}],
  ['tdt-huggingface', { hotwords: WORDS }],
  ['ctc-huggingface', { hotwords: WORDS, beamSize: 2 }],
  ['hybrid-mlx', { hotwords: WORDS, beamSize: 2 }],
] as const)('%s %j', async (name, options) => {
  const model = await ParakeetModel.load(parakeetDir(name));
  try {
    const alone = await transcribe(model, options);
    expect(alone.events.filter(({ type }) => type === 'progress').length).toBeGreaterThan(3);
    expect(alone.result.segments.length).toBeGreaterThan(1);
    for (const batchSize of [3, 8]) {
      const { result, events } = await transcribe(model, { ...options, batchSize });
      expect(result.segments).toEqual(alone.result.segments);
      expect(events).toEqual(alone.events);
    }
  } finally {
    model.dispose();
  }
});

describe('with a language, hotwords and beams at once', () => {
  const hotwords = [1, 4, 7].map(wordOf);
  const short = joined(part(1.6), pause, part(1.2));
  let model: ParakeetModel;
  beforeAll(async () => {
    model = await ParakeetModel.load(europeanParakeetDir());
  });
  afterAll(() => model.dispose());

  test.each<TranscribeOptions>([
    {},
    { beamSize: 2 },
    { parakeet: { head: 'ctc' } },
    { parakeet: { head: 'ctc' }, beamSize: 2 },
  ])('%j', async (search) => {
    const options = { ...search, hotwords, language: 'bg' };
    const alone = await transcribe(model, options, short);
    expect(LETTERS.filter((letter) => alone.result.text.includes(letter))).toEqual(['я']);
    expect(alone.result.segments.length).toBeGreaterThan(1);
    const batch = await transcribe(model, { ...options, batchSize: 2 }, short);
    expect(batch.events).toEqual(alone.events);
  });
});
