import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { refine } from '#daemon/engine/live/refine.js';
import { LiveAudioBuffer } from '#daemon/engine/live/live-audio-buffer.js';
import { ComputeScheduler } from '#daemon/engine/compute-scheduler.js';
import { RECOGNIZES } from '#test/harness/recognizer-capabilities.js';
import { SECOND } from '#test/harness/ramp.js';
import {
  gate,
  ScriptedModel,
  ScriptedSpeech,
  settled,
  type ModelScript,
} from '#test/harness/scripted-speech.js';

beforeEach(
  () => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] }),
);
afterEach(() => {
  // No timer is left in any case.
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function setUp(script: ModelScript = {}, { fromSample = 0, seconds = 3, silent = false } = {}) {
  const model = new ScriptedModel('m', script);
  const speech = new ScriptedSpeech({});
  const buffer = new LiveAudioBuffer(fromSample, true);
  buffer.push(new Uint8Array(2 * seconds * SECOND));
  if (!silent) speech.push(new Float32Array(SECOND));
  const controller = new AbortController();
  await speech.finish(controller.signal);
  const scheduler = new ComputeScheduler();
  const run = () =>
    refine({ model, options: { language: 'en' }, speech, buffer, scheduler }, controller.signal);
  return { model, scheduler, controller, run };
}

describe('the re-decode at the end', () => {
  test('decodes the whole session, and replaces the text if it is better', async () => {
    const { model, run, controller } = await setUp();
    const words = [0, 1].map((n) => ({ start: n, end: n + 1, word: ` segment ${n}`, probability: 1 }));
    expect(await run()).toEqual({ text: 'segment 0 segment 1', words, language: 'en' });
    expect(model.read).toEqual([3 * SECOND]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('of a model without word times has a word for each segment', async () => {
    const transcribe = { ...RECOGNIZES.transcribe, wordTimestamps: false };
    const { run } = await setUp({ capabilities: { transcribe } });
    const refined = await run();
    expect(refined?.text).toBe('segment 0 segment 1');
    expect(refined?.words.map(({ word }) => word)).toEqual([' segment 0', ' segment 1']);
  });

  test('is dropped if it is less certain', async () => {
    const { run } = await setUp({ avgLogprob: -0.9 });
    expect(await run()).toBeUndefined();
  });

  test.each([
    ['if no voice was detected', { silent: true }],
    ['if the start of the session is missing', { fromSample: 1 }],
    ['if the session is too long', { seconds: 301 }],
  ])('is not started %s', async (_, what) => {
    const { model, run } = await setUp({}, what);
    expect(await run()).toBeUndefined();
    expect(model.read).toEqual([]);
  });

  test('stops at its time budget, in the middle of a step', async () => {
    const { run, scheduler, controller } = await setUp({
      onStep: async (step) => {
        if (step === 1) jest.advanceTimersByTime(2_000);
        await settled();
      },
      steps: 1_000,
    });
    expect(await run()).toBeUndefined();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    // Files wait no longer.
    expect(scheduler.yieldToRealtime(controller.signal)).toBeUndefined();
  });

  test.each(['INTERNAL', 'thrown at once'])('keeps the committed text when it fails (%s)', async (how) => {
    const fault = new Error('shapes do not fit');
    const { model, run } = await setUp({ onStep: () => Promise.reject(fault) });
    if (how !== 'INTERNAL') {
      jest.spyOn(model, 'transcribe').mockImplementation(() => {
        throw fault;
      });
    }
    expect(await run()).toBeUndefined();
  });

  test('ends at once with a cancelled session', async () => {
    const { run, controller } = await setUp({ onStep: () => controller.abort(), steps: 1_000 });
    expect(await run()).toBeUndefined();
    expect(await run()).toBeUndefined();
  });

  test('lets other sessions decode between its steps, and files wait for its end', async () => {
    const log: string[] = [];
    const decoding = gate();
    const { run, scheduler, controller } = await setUp({
      steps: 4,
      onStep: async (step) => {
        log.push(`step ${step}`);
        decoding.open();
        await settled();
      },
    });
    const refined = run();
    await decoding.opened;
    const yieldToRealtime = scheduler.yieldToRealtime(controller.signal)?.then(() => log.push('file'));
    void scheduler.runRealtime(() => Promise.resolve(log.push('decode')));
    await refined;
    await yieldToRealtime;
    expect(log).toEqual(['step 0', 'decode', 'step 1', 'step 2', 'step 3', 'file']);
  });
});
