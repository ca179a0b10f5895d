import { describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { EngineModel, ModelRef, ToEngine } from '#daemon/protocol/ipc.js';
import { ModelCare } from '#daemon/supervisor/model-care.js';

const small: ModelRef = { name: 'small', dir: '/small' };
const large: ModelRef = { name: 'large', dir: '/large' };

function setUp(model = small) {
  const sent: ToEngine[] = [];
  const care = new ModelCare({ send: (message) => sent.push(message), log: silentLog, plan: { model } });
  const inMemory = (ref: ModelRef, state: EngineModel['state'] = 'ready', kept = false): EngineModel => ({
    ...ref,
    state,
    kept,
  });
  const uses = (): number[] => sent.flatMap((message) => (message.type === 'load' ? [message.use] : []));
  const holds = (...models: EngineModel[]): void => care.receive({ type: 'models', models });
  return { care, sent, inMemory, holds, last: () => uses().at(-1) ?? -1 };
}

describe('ModelCare', () => {
  test('those who come while one model makes room for another wait for the new one', async () => {
    const { care, inMemory, holds, last } = setUp();
    care.ready();
    care.receive({ type: 'loaded', use: last(), model: inMemory(small, 'ready', true) });
    holds(inMemory(small, 'ready', true));
    const using = care.use(large);
    // Both are there: nobody waits.
    holds(inMemory(small, 'ready', true), inMemory(large, 'loading'));
    expect(care.serving).toEqual(small);
    // The old one has gone, the new one is not ready.
    holds(inMemory(large, 'loading'));
    expect(care.serving).toEqual(large);
    // It can't be had: the old one is loaded for the next who asks.
    const use = last();
    holds();
    care.receive({ type: 'load-failed', use, error: new SottoError('MODEL_CORRUPT', 'cut off').toWire() });
    await expect(using).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(care.serving).toEqual(small);
    expect(care.status().model).toEqual({ name: 'small', state: 'installed' });
  });

  test('a model that was let go of is loaded for the next one who asks, not another', () => {
    const { care, inMemory, holds, last } = setUp();
    care.ready();
    care.receive({ type: 'loaded', use: last(), model: inMemory(small, 'ready', true) });
    holds();
    expect(care.serving).toEqual(small);
    holds(inMemory(large));
    expect(care.serving).toEqual(small);
  });

  describe('a folder that may not open', () => {
    const problem = new SottoError('MODEL_UNREADABLE', 'it did not open');

    function checked() {
      const sent: ToEngine[] = [];
      const answers: ((found: SottoError | undefined) => void)[] = [];
      const access = {
        isOwn: (dir: string) => dir === small.dir,
        check: () => new Promise<SottoError | undefined>((resolve) => answers.push(resolve)),
      };
      const send = (message: ToEngine): void => void sent.push(message);
      const care = new ModelCare({ send, log: silentLog, access, plan: { model: large, standIn: small } });
      const loads = (): string[] =>
        sent.flatMap((message) => (message.type === 'load' ? [message.model.name] : []));
      const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      return { care, answers, loads, settle };
    }

    test('is never named to the engine; who asked for it hears why, and the starter model is loaded', async () => {
      const { care, answers, loads, settle } = checked();
      care.ready();
      expect(loads()).toEqual(['small']);
      answers[0]?.(problem);
      await settle();
      const using = care.use(large);
      answers[1]?.(problem);
      await expect(using).rejects.toBe(problem);
      expect(loads()).toEqual(['small']);
    });

    test('is named to the engine once it opens, and not to one that is gone', async () => {
      const { care, answers, loads, settle } = checked();
      care.ready();
      care.lost('died');
      answers[0]?.(undefined);
      await settle();
      expect(loads()).toEqual(['small']);
      care.ready();
      answers[1]?.(undefined);
      await settle();
      expect(loads()).toEqual(['small', 'small', 'large']);
    });

    test('is not loaded where that was called off meanwhile', async () => {
      const { care, answers, loads, settle } = checked();
      const stop = new AbortController();
      care.ready();
      const using = care.use({ name: 'other', dir: '/other' }, { signal: stop.signal });
      stop.abort();
      await expect(using).rejects.toMatchObject({ code: 'CANCELLED' });
      for (const answer of answers) answer(undefined);
      await settle();
      expect(loads()).not.toContain('other');
    });
  });
});
