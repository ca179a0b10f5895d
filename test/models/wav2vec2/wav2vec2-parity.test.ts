/** Logits, tokens, text and times of transformers. */
import { describe, expect, test } from '@jest/globals';

import { networkOf } from '#daemon/models/checkpoint/checkpoint-network.js';
import { loadRecognizer } from '#daemon/models/registry.js';
import { loadWav2Vec2 } from '#daemon/models/wav2vec2/load-wav2vec2.js';
import { openCheckpoint, readConfig } from '#daemon/models/wav2vec2/wav2vec2-checkpoint.js';
import type { Wav2Vec2Config } from '#daemon/models/wav2vec2/wav2vec2-config.js';
import { Wav2Vec2 } from '#daemon/models/wav2vec2/wav2vec2-network.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { mx } from '#native/index.js';

import {
  expectedOutput,
  idsOf,
  NAMES,
  testSamples,
  transcribedAll,
  wav2vec2Dir,
  type Name,
} from './wav2vec2-fixtures.js';

/** fine-tuned has do_normalize off. */
function networkInput(name: Name): Float32Array {
  const samples = testSamples();
  if (name === 'fine-tuned') return samples;
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / samples.length;
  return samples.map((x) => (x - mean) / Math.sqrt(variance + 1e-7));
}

async function plainNetwork(dir: string, config: Wav2Vec2Config): Promise<Wav2Vec2> {
  const checkpoint = await openCheckpoint(dir, config);
  try {
    return await networkOf(checkpoint, () => new Wav2Vec2(config));
  } finally {
    checkpoint.close();
  }
}

describe.each(NAMES)('%s', (name) => {
  const expected = expectedOutput(name);

  test.each(['plain', 'fused'])('has the logits of transformers: %s', async (form) => {
    const live = mx.liveArrays();
    const dir = wav2vec2Dir(name);
    const config = await readConfig(dir);
    const network = await (form === 'plain' ? plainNetwork(dir, config) : loadWav2Vec2(dir, config));
    const input = mx.array(networkInput(name), [1, -1, 1]);
    const logits = mx.tidy(() => network.forward(input));
    expect(logits.shape).toEqual([1, expected.frames, config.vocab_size]);
    const found = logits.toTypedArray('float32');
    const distances = Array.from(found, (x, i) => Math.abs(x - (expected.logits[i] ?? Infinity)));
    expect(Math.max(...distances)).toBeLessThan(1e-4);
    mx.dispose(input, logits);
    network.dispose();
    expect(mx.liveArrays()).toBe(live);
  });

  test('has its tokens, text and times', async () => {
    const model = await loadRecognizer(wav2vec2Dir(name));
    const live = mx.liveArrays();
    const result = await transcribedAll(model, testSamples(), { wordTimestamps: true });
    expect(idsOf(result)).toEqual(expected.tokens.map(([id]) => id));
    expect(result.text).toBe(` ${expected.text}`);
    const words = result.segments.flatMap((segment) => segment.words ?? []);
    expect(words.map(({ word }) => word.trim())).toEqual(expected.text.split(' '));
    for (const { start, end, probability } of words) {
      expect(end).toBeGreaterThan(start);
      expect(probability).toBeGreaterThan(0);
      expect(probability).toBeLessThanOrEqual(1);
    }
    const texted = expected.tokens.filter(([id]) => /\p{L}/u.test(lettersOf(name)[id] ?? ''));
    const seconds = name === 'downsampled' ? 0.04 : 0.02;
    expect(words[0]?.start).toBeCloseTo((texted[0]?.[1] ?? 0) * seconds, 2);
    expect(words.at(-1)?.end).toBeCloseTo(Math.min(20_123 / 16_000, (texted.at(-1)?.[2] ?? 0) * seconds), 2);
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });
});

/** Names of the ids, of those checkpoints whose first and last token is not a letter. */
function lettersOf(name: Name): readonly string[] {
  const special = ['', '', '', '', ''];
  const english = [..."ETAOINSHRDLUMWCFGYPBVK'XJQZ"];
  if (name === 'fine-tuned') return ['', ...'abcdefghijklmnopqrstuvwxyzäöüß'];
  return [...special, ...english];
}

test('a norm over channels may be computed in blocks: long audio has the tokens of the whole', async () => {
  const model = await loadRecognizer(wav2vec2Dir('large-stable'));
  const dir = wav2vec2Dir('large-stable');
  const network = await loadWav2Vec2(dir, await readConfig(dir));
  // 12 s: three blocks of 5 s.
  const samples = Float32Array.from(
    { length: 192_000 },
    (_, n) => Math.sin(1e-6 * n * n) * Math.sin(2e-3 * n),
  );
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / samples.length;
  const input = mx.array(
    samples.map((x) => (x - mean) / Math.sqrt(variance + 1e-7)),
    [1, -1, 1],
  );
  const ids = mx.tidy(() => mx.argmax(network.forward(input), -1).toTypedArray('uint32'));
  const collapsed = [...ids].filter((id, t) => id !== 0 && id !== ids[t - 1]);
  expect(idsOf(await transcribedAll(model, samples))).toEqual(collapsed);
  expect(collapsed.length).toBeGreaterThan(100);
  input.dispose();
  network.dispose();
  model.dispose();
});

describe('languages with adapters', () => {
  test('each has its adapters, head and vocabulary, in any order', async () => {
    const { adapters = {} } = expectedOutput('mms');
    const model = await loadRecognizer(wav2vec2Dir('mms'));
    expect(model.capabilities.transcribe?.languages).toEqual(['en', 'de']);
    const live = mx.liveArrays();
    for (const [language, name] of [
      ['de', 'deu'],
      ['en', 'eng'],
      ['de', 'deu'],
    ] as const) {
      const result = await transcribedAll(model, testSamples(), { language });
      expect(idsOf(result)).toEqual(adapters[name]?.tokens.map(([id]) => id));
      expect(result.text).toBe(` ${adapters[name]?.text ?? ''}`);
      expect(result.language).toBe(language);
    }
    expect(mx.liveArrays()).toBe(live);
    await expect(transcribedAll(model, testSamples(), { language: 'fr' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    model.dispose();
  });
});

describe('options', () => {
  test('a beam search keeps a clear text, and hotwords change an unclear one', async () => {
    const model = await loadRecognizer(wav2vec2Dir('mms'));
    const greedy = await transcribedAll(model, testSamples(), { language: 'en' });
    const beam = await transcribedAll(model, testSamples(), { language: 'en', beamSize: 8 });
    expect(idsOf(beam).length).toBeGreaterThan(10);
    const hotwords = ['qmey', 'zwbi'];
    const favored = await transcribedAll(model, testSamples(), { language: 'en', hotwords });
    expect(favored.text).not.toBe(greedy.text);
    expect(favored.text).toMatch(/qmey|zwbi/);
    model.dispose();
  });

  test('shorter audio than a frame has no text', async () => {
    const model = await loadRecognizer(wav2vec2Dir('base'));
    expect((await transcribedAll(model, new Float32Array(399))).text).toBe('');
    expect(idsOf(await transcribedAll(model, testSamples().slice(0, 400))).length).toBeLessThanOrEqual(1);
    model.dispose();
  });

  test.each([
    [{ task: 'translate' as const }, 'cannot translate'],
    [{ language: 'de' }, 'does not support'],
    [{ initialPrompt: 'names' }, 'no prompt'],
    [{ temperature: [0.5] }, 'no temperature'],
    [{ wav2vec2: { unknown: 1 } }, 'wav2vec2'],
    [{ whisper: {} }, 'whisper'],
  ])('%p is refused', async (options, message) => {
    const model = await loadRecognizer(wav2vec2Dir('base'));
    await expect(transcribedAll(model, testSamples(), options as TranscribeOptions)).rejects.toThrow(message);
    model.dispose();
  });

  test('a cancelled transcription stops', async () => {
    const model = await loadRecognizer(wav2vec2Dir('base'));
    const live = mx.liveArrays();
    const cancelled = new AbortController();
    const samples = (async function* () {
      await Promise.resolve();
      yield testSamples();
      setImmediate(() => cancelled.abort());
    })();
    const events = model.transcribe({ samples, durationSeconds: 1 }, { vad: false }, cancelled.signal);
    await expect(
      (async () => {
        while ((await events.next()).done !== true);
      })(),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(mx.liveArrays()).toBe(live);
    model.dispose();
  });
});
