/** A live session that continues from a checkpoint after any decode step gives the same text. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import type { LiveCheckpoint, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import { WhisperModel } from '#daemon/models/whisper/index.js';
import type { LiveWhisper } from '#daemon/models/whisper/streaming/live-whisper.js';
import { mx } from '#native/index.js';
import { testUnless } from '#test/harness/skipping.js';
import { clip, missingClips, joined, realWeights, samplesOf, starterModel } from '../model-fixtures.js';

const never = new AbortController().signal;
const SECOND = 16_000;
let model: WhisperModel;
let speech: Float32Array;

beforeAll(async () => {
  model = await WhisperModel.load(starterModel());
  const jfk = await samplesOf(clip('jfk.flac') ?? '');
  // Silence, speech, a long pause, and speech until the window has moved.
  const pause = new Float32Array(2.3 * SECOND);
  speech = joined(new Float32Array(1.1 * SECOND), jfk, pause, jfk.subarray(0, 5 * SECOND), jfk);
});
afterAll(() => model.dispose());

/** Updates of an uninterrupted session. */
async function uninterrupted(
  model: WhisperModel,
  samples: Float32Array,
  step: number,
): Promise<(LiveUpdate | number)[]> {
  const live = model.stream({});
  const updates: (LiveUpdate | number)[] = [];
  for (let at = 0; at < samples.length; at += step) {
    live.push(samples.subarray(at, at + step));
    updates.push(await live.update(never), live.meanLogprob ?? 0);
  }
  updates.push(await live.finish(never), live.meanLogprob ?? 0);
  live.dispose();
  return updates;
}

/** The same with a new session after every step, with other chunks. */
async function replayed(
  model: WhisperModel,
  samples: Float32Array,
  step: number,
): Promise<(LiveUpdate | number)[]> {
  const updates: (LiveUpdate | number)[] = [];
  let stored: string | undefined;
  const restored = (until: number): LiveWhisper => {
    const checkpoint = stored === undefined ? undefined : (JSON.parse(stored) as LiveCheckpoint);
    const live = model.stream({}, checkpoint);
    for (let at = checkpoint?.fromSample ?? 0, i = 0; at < until; i++) {
      const end = Math.min(until, at + [320, 4801, 77, 16_000][i % 4]!);
      live.push(samples.subarray(at, end));
      at = end;
    }
    return live;
  };
  for (let at = 0; at < samples.length; at += step) {
    const live = restored(Math.min(samples.length, at + step));
    updates.push(await live.update(never), live.meanLogprob ?? 0);
    stored = JSON.stringify(live.checkpoint());
    live.dispose();
  }
  const live = restored(samples.length);
  updates.push(await live.finish(never), live.meanLogprob ?? 0);
  live.dispose();
  return updates;
}

describe('a live session continued in another process', () => {
  test.each([0.5, 0.93])('gives identical updates after every step, %d s apart', async (seconds) => {
    const arrays = mx.liveArrays();
    const step = Math.round(seconds * SECOND);
    const expected = await uninterrupted(model, speech, step);
    const words = expected.flatMap((one) => (typeof one === 'number' ? [] : one.committed));
    expect(words.length).toBeGreaterThan(35);
    expect(await replayed(model, speech, step)).toEqual(expected);
    expect(mx.liveArrays()).toBe(arrays);
  });

  const weights = realWeights('base');
  const missing = 'missing' in weights ? weights.missing : missingClips('de-leopard.flac');
  testUnless(missing)('gives identical updates with a detected language', async () => {
    const base = await WhisperModel.load('dir' in weights ? weights.dir : '');
    const german = await samplesOf(clip('de-leopard.flac') ?? '');
    const expected = await uninterrupted(base, german, SECOND / 2);
    expect(expected.at(-2)).toMatchObject({ language: 'de' });
    expect(await replayed(base, german, SECOND / 2)).toEqual(expected);
    base.dispose();
  });

  test('needs few bytes and a few seconds of audio', async () => {
    const live = model.stream({ language: 'en' });
    for (let at = 0; at < speech.length; at += SECOND) {
      live.push(speech.subarray(at, at + SECOND));
      await live.update(never);
      const { fromSample } = live.checkpoint();
      expect(JSON.stringify(live.checkpoint()).length).toBeLessThan(16_000);
      expect(at + SECOND - fromSample).toBeLessThan(16 * SECOND);
    }
    live.dispose();
  });
});

describe('a checkpoint', () => {
  async function one(): Promise<LiveCheckpoint> {
    const live = model.stream({ language: 'en' });
    for (let at = 0; at < 4; at++) {
      live.push(speech.subarray(at * SECOND, (at + 1) * SECOND));
      await live.update(never);
    }
    const checkpoint = live.checkpoint();
    live.dispose();
    return checkpoint;
  }

  test('is rejected with any wrong field, without leaks', async () => {
    const right = await one();
    const arrays = mx.liveArrays();
    const state = right.state as { readonly [key: string]: unknown };
    const text = state.text as { readonly [key: string]: unknown };
    const voice = state.voice as { readonly [key: string]: unknown };
    const wrong: unknown[] = [
      undefined,
      null,
      {},
      { ...state, version: 1 },
      { ...state, model: 'whisper-1-2-3-80' },
      { ...state, start: -1 },
      { ...state, melFrom: 1600 },
      { ...state, decodedFrames: 0.5 },
      { ...state, prompt: { text: [1e7], isReset: false } },
      { ...state, text: { ...text, committed: ['a'] } },
      { ...state, text: { ...text, committed: new Array<number>(10_000).fill(3) } },
      { ...state, text: { ...text, sumLogprob: null } },
      { ...state, text: { ...text, lastStep: { hypothesis: { tokens: [1] } } } },
      { ...state, voice: { ...voice, hidden: 'AAAA' } },
      {
        ...state,
        voice: { ...voice, hidden: Buffer.from(new Float64Array(128).fill(NaN).buffer).toString('base64') },
      },
      { ...state, voice: { ...voice, speechEndFrames: 1e6 } },
    ];
    for (const state of wrong)
      expect(() => model.stream({}, { ...right, state })).toThrow(/invalid live checkpoint/);
    expect(() => model.stream({}, { ...right, fromSample: right.fromSample + 1 })).toThrow(SottoError);
    expect(mx.liveArrays()).toBe(arrays);
    model.stream({ language: 'en' }, right).dispose();
  });
});
