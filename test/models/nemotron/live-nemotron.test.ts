/** Live text of Nemotron: the same for any feed size, across checkpoints and as a file; nothing is decoded in silence. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { NemotronModel } from '#daemon/models/nemotron/index.js';
import type { LiveCheckpoint, LiveSpeechOptions, LiveUpdate } from '#daemon/models/streaming/live-speech.js';
import type { TranscribeResult } from '#daemon/protocol/transcription.js';
import { clip, joined, samplesOf, streamOf } from '../model-fixtures.js';
import { nemotronDir } from './nemotron-fixtures.js';

const never = new AbortController().signal;
const RATE = 16_000;
const STEP_SAMPLES = RATE / 2;

let jfk: Float32Array; // 11 s
beforeAll(async () => {
  jfk = await samplesOf(clip('jfk.flac') ?? '');
});

const silence = (seconds: number): Float32Array => new Float32Array(seconds * RATE);

describe.each([
  ['english', {}],
  ['languages', { language: 'de' }],
] as const)('%s', (name, options: LiveSpeechOptions) => {
  let model: NemotronModel;
  beforeAll(async () => {
    model = await NemotronModel.load(nemotronDir(name));
  });
  afterAll(() => model.dispose());

  /** Updates at each half second; `switchAt` is the update whose checkpoint another session continues from. */
  async function dictate(
    samples: Float32Array,
    { feedSamples = STEP_SAMPLES, switchAt = -1 } = {},
  ): Promise<LiveUpdate[]> {
    let live = model.stream(options);
    const updates: LiveUpdate[] = [];
    for (let from = 0, n = 0; from + STEP_SAMPLES <= samples.length; from += STEP_SAMPLES, n++) {
      const to = from + STEP_SAMPLES;
      for (let at = from; at < to; at += feedSamples)
        live.push(samples.subarray(at, Math.min(to, at + feedSamples)));
      updates.push(await live.update(never));
      if (n !== switchAt) continue;
      const checkpoint = JSON.parse(JSON.stringify(live.checkpoint())) as LiveCheckpoint;
      live.dispose();
      live = model.stream(options, checkpoint);
      live.push(samples.subarray(checkpoint.fromSample, to));
    }
    live.push(samples.subarray(samples.length - (samples.length % STEP_SAMPLES)));
    updates.push(await live.finish(never));
    live.dispose();
    return updates;
  }

  const textOf = (updates: readonly LiveUpdate[]): string =>
    updates.flatMap(({ committed }) => committed.map(({ word }) => word)).join('');

  test('the updates don’t depend on the sizes of the pushed chunks', async () => {
    const whole = await dictate(jfk);
    expect(textOf(whole).length).toBeGreaterThan(20);
    expect(whole.some(({ tentative }) => tentative !== '')).toBe(true);
    expect(whole.at(-1)?.tentative).toBe('');
    for (const feedSamples of [1, 1_601]) expect(await dictate(jfk, { feedSamples })).toEqual(whole);
  });

  test('a session that continues from a checkpoint gives the same words, times and probabilities', async () => {
    const twice = joined(jfk, silence(3), jfk, silence(1));
    const whole = await dictate(twice);
    // Before speech, within it, after more audio than the encoder needs, in the pause, in the second utterance.
    for (const switchAt of [0, 3, 12, 20, 25, 34]) expect(await dictate(twice, { switchAt })).toEqual(whole);
  });

  test('a checkpoint is small, and needs only the audio that the encoder depends on', async () => {
    const live = model.stream(options);
    live.push(jfk);
    await live.update(never);
    const checkpoint = live.checkpoint();
    expect(JSON.stringify(checkpoint).length).toBeLessThan(8_000);
    expect(checkpoint.fromSample).toBeGreaterThan(2 * RATE);
    live.dispose();
    expect(() => model.stream(options, { ...checkpoint, fromSample: 0 })).toThrow(/fromSample/);
    expect(() => model.stream(options, { ...checkpoint, state: { version: 1 } })).toThrow(
      /invalid live checkpoint/,
    );
  });

  test('words are in order of time, and none are written in silence', async () => {
    const words = (await dictate(joined(jfk, silence(4)))).flatMap(({ committed }) => committed);
    const starts = words.map(({ start }) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(await dictate(silence(5))).toEqual(
      Array.from({ length: 11 }, () => expect.objectContaining({ committed: [], tentative: '' })),
    );
  });

  test('a file without VAD has the text of the audio decoded at once', async () => {
    const transcribe = async (chunkSamples: number): Promise<TranscribeResult> => {
      const events = model.transcribe(
        streamOf(jfk, chunkSamples),
        { ...options, vad: false, wordTimestamps: true },
        never,
      );
      for (;;) {
        const step = await events.next();
        if (step.done === true) return step.value;
      }
    };
    const [one, other] = [await transcribe(16_000), await transcribe(999)];
    expect(one.segments.flatMap(({ tokens = [] }) => tokens).length).toBeGreaterThan(20);
    expect(other.segments).toEqual(one.segments);
  });
});
