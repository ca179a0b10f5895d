/** Times of a known text, beside torchaudio's for the logits of transformers. */
import { describe, expect, test } from '@jest/globals';

import { alignWords } from '#daemon/models/ctc/align-text.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { wordsOfText, type Alignment } from '#daemon/protocol/aligned-text.js';
import { mx } from '#native/index.js';
import { streamOf } from '../model-fixtures.js';
import { randomEmissions } from '../ctc/ctc-brute-force.js';
import { expectedOutput, testSamples, wav2vec2Dir } from './wav2vec2-fixtures.js';

async function align(
  model: Recognizer,
  text: string,
  { language, samples = testSamples() }: { language?: string; samples?: Float32Array } = {},
  signal = new AbortController().signal,
  onProgress?: (fraction: number) => void,
): Promise<Alignment> {
  if (model.align === undefined) throw new Error('it aligns');
  return model.align(
    streamOf(samples),
    wordsOfText(text),
    language === undefined ? {} : { language },
    signal,
    onProgress,
  );
}

test.each(['base', 'large-stable', 'fine-tuned', 'mms'] as const)(
  '%s has the frames of torchaudio',
  async (name) => {
    const { aligned = [] } = expectedOutput(name);
    const model = await loadRecognizer(wav2vec2Dir(name));
    expect(model.capabilities.transcribe?.aligns).toBe(true);
    const live = mx.liveArrays();
    const progress: number[] = [];
    const { signal } = new AbortController();
    const text = aligned.map(([word]) => word).join(' ');
    const { words, unknown } = await align(model, text, {}, signal, (fraction) => progress.push(fraction));
    expect(words.map(({ word, start, end }) => [word, Math.round(start * 50), Math.round(end * 50)])).toEqual(
      aligned,
    );
    for (const { confidence = 0 } of words) expect(confidence).toBeGreaterThan(0);
    expect(unknown).toEqual([]);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  },
);

test('a language has its own letters', async () => {
  const model = await loadRecognizer(wav2vec2Dir('mms'));
  expect((await align(model, 'übü', { language: 'de' })).unknown).toEqual([]);
  expect((await align(model, 'übü', { language: 'en' })).words).toHaveLength(1); // as ubu
  await expect(align(model, 'a', { language: 'fr' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  model.dispose();
});

test('audio longer than a chunk has times up to its end', async () => {
  const model = await loadRecognizer(wav2vec2Dir('large-stable'));
  const samples = Float32Array.from(
    { length: 45 * 16_000 },
    (_, n) => Math.sin(1e-6 * n * n) * Math.sin(2e-3 * n),
  );
  const text = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 'HELLO' : 'THERE')).join(' ');
  const { words, durationSeconds } = await align(model, text, { samples });
  expect(durationSeconds).toBeCloseTo(45, 1);
  expect(words).toHaveLength(60);
  let before = 0;
  for (const { start, end } of words) {
    expect(start).toBeGreaterThanOrEqual(before);
    expect(end).toBeGreaterThan(start);
    before = end;
  }
  expect(before).toBeGreaterThan(30);
  expect(before).toBeLessThanOrEqual(45);
  model.dispose();
});

test('a model with a shortened output does not align', async () => {
  const model = await loadRecognizer(wav2vec2Dir('downsampled'));
  expect(model.capabilities.transcribe?.aligns).toBe(false);
  await expect(align(model, 'HELLO')).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  model.dispose();
});

describe('text', () => {
  test.each([
    ['', 'has no words'],
    ['日本 語', 'no tokens for the text: 日 本 語'],
    ['ABCDEFGHIJ '.repeat(20), 'longer than the audio'],
  ])('%p is refused', async (text, message) => {
    const model = await loadRecognizer(wav2vec2Dir('base'));
    const error = await align(model, text).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((error as Error).message).toContain(message);
    model.dispose();
  });

  test('case, marks and punctuation are those of the vocabulary; what it lacks is listed', async () => {
    const model = await loadRecognizer(wav2vec2Dir('base'));
    const plain = await align(model, "Cafe AB'C naive");
    const written = await align(model, '“Café” ab’c, — naïve!');
    expect(written.unknown).toEqual([]);
    expect(written.words.map(({ word }) => word)).toEqual(['“Café”', 'ab’c,', '—', 'naïve!']);
    const timed = written.words.filter(({ word }) => word !== '—');
    expect(timed.map(({ start, end }) => [start, end])).toEqual(
      plain.words.map(({ start, end }) => [start, end]),
    );
    const dash = written.words[2];
    expect([dash?.start, dash?.end, dash?.confidence]).toEqual([timed[1]?.end, timed[1]?.end, undefined]);
    const numbers = await align(model, 'A 42 B2B');
    expect(numbers.unknown).toEqual(['4', '2']);
    expect(numbers.words[1]?.confidence).toBeUndefined();
    expect(numbers.words[1]?.end).toBeGreaterThan(numbers.words[1]?.start ?? 0);
    expect(numbers.words[2]?.confidence).toBeGreaterThan(0);
    model.dispose();
  });

  test('a cancelled alignment stops', async () => {
    const cancelled = new AbortController();
    cancelled.abort();
    const encoder = {
      blank: 0,
      delimiter: undefined,
      encodeWord: (word: string) => ({ tokens: [...word].map(() => 1), unknown: [] }),
    };
    const emissions = randomEmissions(30_000, 3, 1);
    const running = alignWords(emissions, wordsOfText('a '.repeat(12_000)), encoder, (frame) => frame, {
      signal: cancelled.signal,
    });
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
