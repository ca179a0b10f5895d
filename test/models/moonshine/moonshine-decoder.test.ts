/** What Moonshine makes of a piece: limits, loops, cancellation, live sessions. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { MoonshineModel } from '#daemon/models/moonshine/index.js';
import { MoonshineDecoder } from '#daemon/models/moonshine/moonshine-decoder.js';
import { Stopwatch } from '#daemon/models/stopwatch.js';
import { mx } from '#native/index.js';

import { clip, root, samplesOf } from '../model-fixtures.js';
import { expectedOf, moonshineDir, resultOf, signal, type MoonshineCheckpoint } from './moonshine-dirs.js';

const models = new Map<MoonshineCheckpoint, MoonshineModel>();
const never = new AbortController().signal;

beforeAll(async () => {
  for (const name of ['odd-rotary', 'biases-float16'] as const)
    models.set(name, await MoonshineModel.load(moonshineDir(name)));
});
afterAll(() => {
  for (const model of models.values()) model.dispose();
});

function modelOf(name: MoonshineCheckpoint): MoonshineModel {
  const model = models.get(name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

async function decoded(
  name: MoonshineCheckpoint,
  samples: Float32Array,
  { spoken, ...options }: { spoken: boolean; maxTokensPerSecond?: number },
): Promise<number[]> {
  const span = { start: 0.1, end: samples.length / 16_000 };
  const piece = { start: 0, samples, spoken: spoken ? [span] : undefined, evidence: undefined };
  const context = { language: 'en', stopwatch: new Stopwatch() };
  const tokens = await new MoonshineDecoder(modelOf(name).deps, options).decode(piece, context, never);
  for (const { start, end } of tokens) {
    expect(start).toBeGreaterThanOrEqual(spoken ? span.start : 0);
    expect(end).toBeLessThanOrEqual(span.end + 1e-9);
  }
  return tokens.map(({ id }) => id);
}

describe('a decoder that has lost the audio', () => {
  test('has its loop once after the text, and no text from nothing but a loop', async () => {
    const [, text] = expectedOf('odd-rotary').clips;
    const [, loop] = expectedOf('biases-float16').clips;
    if (text === undefined || loop === undefined) throw new Error('no clips');
    expect(new Set(text.tokens.slice(2)).size).toBe(1);
    expect(await decoded('odd-rotary', text.samples, { spoken: true })).toEqual(text.tokens.slice(0, 3));
    expect(new Set(loop.tokens).size).toBe(1);
    expect(await decoded('biases-float16', loop.samples, { spoken: true })).toEqual([]);
  });

  test('without VAD repeats what the reference repeats', async () => {
    const [, text] = expectedOf('odd-rotary').clips;
    if (text === undefined) throw new Error('no clip');
    expect(await decoded('odd-rotary', text.samples, { spoken: false })).toEqual(text.tokens);
  });

  test('stops at the limit of tokens for its length, and early in a certain loop', async () => {
    const long = signal(16_000 * 20);
    const limit = Math.trunc(20 * 6.5) - 1;
    expect(await decoded('odd-rotary', long, { spoken: false })).toHaveLength(limit);
    const few = { spoken: false, maxTokensPerSecond: 1 };
    expect(await decoded('odd-rotary', long, few)).toHaveLength(19);
    expect((await decoded('odd-rotary', long, { spoken: true })).length).toBeLessThan(limit / 2);
  });
});

describe('a Moonshine model', () => {
  test('refuses options that it does not have', async () => {
    const model = modelOf('odd-rotary');
    for (const options of [
      { task: 'translate' as const },
      { wordTimestamps: true },
      { language: 'de' },
      { whisper: { patience: 2 } },
    ]) {
      await expect(resultOf(model, signal(16_000), options)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
  });

  test('stops within one step, and frees everything', async () => {
    const model = modelOf('biases-float16');
    const live = mx.liveArrays();
    for (const steps of [0, 3, 8]) {
      const controller = new AbortController();
      let left = steps;
      const signalled = new Proxy(controller.signal, {
        get: (target, key) => {
          if (key === 'aborted' && left-- <= 0) controller.abort();
          return Reflect.get(target, key, target) as unknown;
        },
      });
      const piece = { start: 0, samples: signal(160_000), spoken: undefined, evidence: undefined };
      const context = { language: 'en', stopwatch: new Stopwatch() };
      await expect(new MoonshineDecoder(model.deps).decode(piece, context, signalled)).rejects.toMatchObject({
        code: 'CANCELLED',
      });
      expect(mx.liveArrays()).toBe(live);
    }
  });

  test('streams the same text for chunks of any size, and across a checkpoint', async () => {
    const model = modelOf('odd-rotary');
    const samples = await samplesOf(clip('jfk.flac') ?? '');
    const run = async (chunk: number, resumeAt?: number): Promise<string> => {
      let session = model.stream({});
      let text = '';
      for (let at = 0; at < samples.length; at += 16_000) {
        for (let i = at; i < Math.min(samples.length, at + 16_000); i += chunk)
          session.push(samples.subarray(i, Math.min(i + chunk, at + 16_000)));
        text += (await session.update(never)).committed.map(({ word }) => word).join('');
        if (at !== resumeAt) continue;
        const checkpoint = JSON.parse(JSON.stringify(session.checkpoint())) as ReturnType<
          typeof session.checkpoint
        >;
        session.dispose();
        session = model.stream({}, checkpoint);
        session.push(samples.subarray(checkpoint.fromSample, at + 16_000));
      }
      text += (await session.finish(never)).committed.map(({ word }) => word).join('');
      session.dispose();
      return text;
    };
    const whole = await run(16_000);
    expect(await run(700)).toBe(whole);
    expect(await run(16_000, 48_000)).toBe(whole);
    expect(() => modelOf('biases-float16').stream({}, model.stream({}).checkpoint())).toThrow();
  });
});

describe('speech without silence around it', () => {
  let model: MoonshineModel;
  beforeAll(async () => {
    model = await MoonshineModel.load(join(root, 'assets/models/moonshine-base-6bit'));
  });
  afterAll(() => model.dispose());
  const textOf = async (file: string, vad: boolean): Promise<string> => {
    const samples = await samplesOf(join(root, 'test/speech', file));
    return (await resultOf(model, samples, { vad })).text.trim();
  };

  test.each([
    ['short-google-two-people.flac', 'Two people.'],
    ['short-google-mountain-view.flac', 'Mountain View.'],
  ])('has its text (%s), which without VAD the model leaves out', async (file, text) => {
    expect(await textOf(file, true)).toBe(text);
    expect(await textOf(file, false)).toBe('');
  });
});
