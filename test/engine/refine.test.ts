import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { refine } from '#daemon/engine/live/refine.js';
import { LiveAudioBuffer } from '#daemon/engine/live/live-audio-buffer.js';
import { ComputeScheduler } from '#daemon/engine/compute-scheduler.js';
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
  // Whatever came of it, no timer waits.
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

describe('the decode at the end', () => {
  test('hears the whole take, and is taken as a whole where it is better', async () => {
    const { model, run, controller } = await setUp();
    const words = [0, 1].map((n) => ({ start: n, end: n + 1, word: ` segment ${n}`, probability: 1 }));
    expect(await run()).toEqual({ text: 'segment 0 segment 1', words, language: 'en' });
    expect(model.read).toEqual([3 * SECOND]);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });

  test('is left where it is less sure of itself', async () => {
    const { run } = await setUp({ avgLogprob: -0.9 });
    expect(await run()).toBeUndefined();
  });

  test.each([
    ['where nothing was said', { silent: true }],
    ['where the beginning of the take is not there', { fromSample: 1 }],
    ['where the take is too long', { seconds: 301 }],
  ])('is not begun %s', async (_, what) => {
    const { model, run } = await setUp({}, what);
    expect(await run()).toBeUndefined();
    expect(model.read).toEqual([]);
  });

  test('takes no longer than somebody waits, and lets go in the middle', async () => {
    const { run, scheduler, controller } = await setUp({
      onStep: async (step) => {
        if (step === 1) jest.advanceTimersByTime(1_000);
        await settled();
      },
      steps: 1_000,
    });
    expect(await run()).toBeUndefined();
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    // Files wait no longer.
    expect(scheduler.yieldToRealtime(controller.signal)).toBeUndefined();
  });

  test.each(['INTERNAL', 'thrown at once'])('takes no text from anybody when it fails (%s)', async (how) => {
    const fault = new Error('shapes do not fit');
    const { model, run } = await setUp({ onStep: () => Promise.reject(fault) });
    if (how !== 'INTERNAL') {
      jest.spyOn(model, 'transcribe').mockImplementation(() => {
        throw fault;
      });
    }
    expect(await run()).toBeUndefined();
  });

  test('ends at once with a session that is cancelled', async () => {
    const { run, controller } = await setUp({ onStep: () => controller.abort(), steps: 1_000 });
    expect(await run()).toBeUndefined();
    expect(await run()).toBeUndefined();
  });

  test('lets others look between its steps, and files wait for its end', async () => {
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
    void scheduler.runRealtime(() => Promise.resolve(log.push('look')));
    await refined;
    await yieldToRealtime;
    expect(log).toEqual(['step 0', 'look', 'step 1', 'step 2', 'step 3', 'file']);
  });
});
