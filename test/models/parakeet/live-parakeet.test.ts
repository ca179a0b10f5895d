/**
 * Buffered live text of Parakeet: the tokens of transformers' encoder over the same windows, the same updates for any feed size
 * and across checkpoints; nothing is decoded in silence.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { ParakeetModel } from '#daemon/models/parakeet/index.js';
import {
  BufferedUtterance,
  firstSampleOf,
  type BufferWindows,
} from '#daemon/models/parakeet/buffered-utterance.js';
import { liveParakeet } from '#daemon/models/parakeet/live-parakeet.js';
import { encodeSamples } from '#daemon/models/parakeet/parakeet-features.js';
import type { LiveCheckpoint, LiveSpeech, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type { UtterancePlace } from '#daemon/models/streaming/live-utterances-state.js';
import type { Emission } from '#daemon/models/transducer/greedy-walk.js';
import { mx } from '#native/index.js';

import { clip, joined, root, samplesOf } from '../model-fixtures.js';
import { parakeetDir } from './parakeet-fixtures.js';

interface Expected extends BufferWindows {
  readonly tokens: readonly (readonly [token: number, frame: number, frames: number])[];
  /** Frames that a duration reaches over the end of each chunk. */
  readonly debts: readonly number[];
}
const expected = JSON.parse(
  readFileSync(join(root, 'test/fixtures/parakeet/live-expected.json'), 'utf8'),
) as Expected[];
const WINDOWS: BufferWindows = { leftFrames: 25, chunkFrames: 10, lookaheadFrames: 5 };

const never = new AbortController().signal;
const RATE = 16_000;
const STEP_SAMPLES = RATE / 2;
const textOf = (updates: readonly LiveUpdate[]): string =>
  updates.flatMap(({ committed }) => committed.map(({ word }) => word)).join('');
const silence = (seconds: number): Float32Array => new Float32Array(seconds * RATE);

let jfk: Float32Array; // 11 s
let model: ParakeetModel;
beforeAll(async () => {
  jfk = await samplesOf(clip('jfk.flac') ?? '');
  model = await ParakeetModel.load(parakeetDir('tdt-huggingface'));
});
afterAll(() => model.dispose());

describe.each(expected)('windows of $leftFrames, $chunkFrames and $lookaheadFrames frames', (windows) => {
  const open = (place?: UtterancePlace): BufferedUtterance => {
    const { transducer } = model.deps;
    if (transducer === undefined) throw new Error('the model has no transducer');
    const encode = (samples: Float32Array, signal: AbortSignal) => encodeSamples(model.deps, samples, signal);
    return new BufferedUtterance({ transducer, windows, encode }, place);
  };

  test.each([RATE * 20, RATE, 7_001])(
    'have the tokens of transformers, with audio known in steps of %i samples',
    async (step) => {
      const before = mx.liveArrays();
      let utterance = open();
      const found: Emission[] = [];
      const debts: number[] = [];
      for (let end = step; ; end += step) {
        const known = Math.min(jfk.length, end);
        const read = (from: number, to: number): Float32Array => {
          expect(from).toBeGreaterThanOrEqual(utterance.firstSample);
          return jfk.slice(from, to);
        };
        found.push(...(await utterance.advance({ end: known, read }, never)));
        await utterance.preview({ end: known, read }, never);
        if (end >= jfk.length) {
          found.push(...(await utterance.finish({ end: known, read }, never)));
          break;
        }
        // Another process continues.
        const place = structuredClone(utterance.place);
        debts.push(place.debt ?? 0);
        expect(utterance.firstSample).toBe(firstSampleOf(place.chunks, windows));
        utterance.dispose();
        utterance = open(place);
      }
      utterance.dispose();
      expect(found.map(({ token, frame, frames }) => [token, frame, frames])).toEqual(windows.tokens);
      if (debts.length > 0) expect(Math.max(...debts)).toBeGreaterThan(0);
      expect(mx.liveArrays()).toBe(before);
    },
  );
});

describe('a session', () => {
  const stream = (checkpoint?: LiveCheckpoint): LiveSpeech =>
    liveParakeet(
      { ...model.deps, capabilities: model.capabilities.transcribe },
      { language: 'en' },
      checkpoint,
      WINDOWS,
    );

  /** Updates at each half second; `switchAt` is the update whose checkpoint another session continues from. */
  async function dictate(
    samples: Float32Array,
    { feedSamples = STEP_SAMPLES, switchAt = -1 } = {},
  ): Promise<LiveUpdate[]> {
    let live = stream();
    const updates: LiveUpdate[] = [];
    for (let from = 0, n = 0; from + STEP_SAMPLES <= samples.length; from += STEP_SAMPLES, n++) {
      const to = from + STEP_SAMPLES;
      for (let at = from; at < to; at += feedSamples)
        live.push(samples.subarray(at, Math.min(to, at + feedSamples)));
      updates.push(await live.update(never));
      if (n !== switchAt) continue;
      const checkpoint = JSON.parse(JSON.stringify(live.checkpoint())) as LiveCheckpoint;
      live.dispose();
      live = stream(checkpoint);
      live.push(samples.subarray(checkpoint.fromSample, to));
    }
    live.push(samples.subarray(samples.length - (samples.length % STEP_SAMPLES)));
    updates.push(await live.finish(never));
    live.dispose();
    return updates;
  }

  test('gives the same updates for any sizes of the pushed chunks', async () => {
    const whole = await dictate(jfk);
    expect(textOf(whole).length).toBeGreaterThan(20);
    expect(whole.filter(({ tentative }) => tentative !== '').length).toBeGreaterThan(10);
    expect(whole.at(-1)?.tentative).toBe('');
    expect(await dictate(jfk, { feedSamples: 1_601 })).toEqual(whole);
  });

  test('continues from a checkpoint with the same words, times and probabilities', async () => {
    const twice = joined(jfk.subarray(0, 4.5 * RATE), silence(1.5), jfk.subarray(0, 3 * RATE));
    const whole = await dictate(twice);
    // Within speech, at its end, in the pause, in the second utterance.
    for (const switchAt of [3, 9, 11, 15]) expect(await dictate(twice, { switchAt })).toEqual(whole);
  });

  test('has small checkpoints, which need only the left context', async () => {
    const live = stream();
    live.push(jfk);
    await live.update(never);
    const checkpoint = live.checkpoint();
    live.dispose();
    expect(JSON.stringify(checkpoint).length).toBeLessThan(8_000);
    expect(checkpoint.fromSample).toBeGreaterThan(6 * RATE);
    expect(() => stream({ ...checkpoint, fromSample: 0 })).toThrow(/fromSample/);
    expect(() => model.stream({ language: 'en' }, checkpoint)).toThrow(/another model/); // other windows
  });

  test('writes nothing in silence, and words in order of time', async () => {
    const words = (await dictate(joined(jfk, silence(2)))).flatMap(({ committed }) => committed);
    const starts = words.map(({ start }) => start);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect(
      (await dictate(silence(3))).every(
        ({ committed, tentative }) => committed.length === 0 && tentative === '',
      ),
    ).toBe(true);
  });

  test('of a model with CTC alone decodes the open utterance again', async () => {
    const ctc = await ParakeetModel.load(parakeetDir('ctc-huggingface'));
    const live = ctc.stream({});
    live.push(jfk.subarray(0, 4 * RATE));
    await live.update(never);
    live.push(jfk.subarray(4 * RATE));
    await live.update(never);
    expect(textOf([await live.finish(never)]).length).toBeGreaterThan(5);
    live.dispose();
    ctc.dispose();
  });
});
