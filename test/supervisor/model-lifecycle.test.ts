import { describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { EngineModel, ModelRef, ToEngine } from '#daemon/protocol/ipc.js';
import { ModelLifecycle } from '#daemon/supervisor/model-lifecycle.js';

const small: ModelRef = { name: 'small', dir: '/small' };
const large: ModelRef = { name: 'large', dir: '/large' };

function setUp(model = small) {
  const sent: ToEngine[] = [];
  const lifecycle = new ModelLifecycle({
    send: (message) => sent.push(message),
    log: silentLog,
    plan: { model },
  });
  const inMemory = (ref: ModelRef, state: EngineModel['state'] = 'ready', pinned = false): EngineModel => ({
    ...ref,
    state,
    pinned,
  });
  const uses = (): number[] =>
    sent.flatMap((message) => (message.type === 'load' ? [message.requestId] : []));
  const holds = (...models: EngineModel[]): void => lifecycle.receive({ type: 'models', models });
  return { lifecycle, sent, inMemory, holds, last: () => uses().at(-1) ?? -1 };
}

describe('ModelLifecycle', () => {
  test('requests during a switch of models wait for the new one', async () => {
    const { lifecycle, inMemory, holds, last } = setUp();
    lifecycle.ready();
    lifecycle.receive({ type: 'loaded', requestId: last(), model: inMemory(small, 'ready', true) });
    holds(inMemory(small, 'ready', true));
    const using = lifecycle.use(large);
    // Both fit: no request waits.
    holds(inMemory(small, 'ready', true), inMemory(large, 'loading'));
    expect(lifecycle.serving).toEqual(small);
    // The old one is evicted, the new one is not ready.
    holds(inMemory(large, 'loading'));
    expect(lifecycle.serving).toEqual(large);
    // It failed to load: the next request loads the old one.
    const use = last();
    holds();
    lifecycle.receive({
      type: 'load-failed',
      requestId: use,
      error: new SottoError('MODEL_CORRUPT', 'cut off').toWire(),
    });
    await expect(using).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(lifecycle.serving).toEqual(small);
    expect(lifecycle.status().model).toEqual({ name: 'small', state: 'installed' });
  });

  test('loads a second model in each process, after the default one and without replacing it', () => {
    const { lifecycle, sent, inMemory, holds } = setUp();
    const loads = (): unknown[] =>
      sent.flatMap((message) =>
        message.type === 'load' ? [[message.model.name, message.isDefault, message.alongside?.name]] : [],
      );
    lifecycle.keep([large], large);
    expect(sent).toEqual([]);
    lifecycle.ready();
    const both = [
      ['small', undefined, undefined],
      ['large', false, 'small'],
    ];
    expect(loads()).toEqual(both);
    const [first, second] = sent.flatMap((message) => (message.type === 'load' ? [message.requestId] : []));
    lifecycle.receive({ type: 'loaded', requestId: first ?? -1, model: inMemory(small, 'ready', true) });
    holds(inMemory(small, 'ready', true));
    const error = new SottoError('INSUFFICIENT_MEMORY', 'too large').toWire();
    lifecycle.receive({ type: 'load-failed', requestId: second ?? -1, error });
    expect(lifecycle.status().model).toEqual({ name: 'small', state: 'ready' });
    expect([lifecycle.serving, lifecycle.fallbackFor]).toEqual([small, undefined]);
    lifecycle.lost('died');
    lifecycle.ready();
    expect(loads()).toEqual([...both, ...both]);
    lifecycle.unload();
    expect(sent.slice(-2).map(({ type }) => type)).toEqual(['load-cancel', 'unload']);
    // Once another model is chosen, it is not loaded any more.
    lifecycle.keep([]);
    lifecycle.lost('died');
    lifecycle.ready();
    expect(loads().at(-1)).toEqual(['small', undefined, undefined]);
  });

  test('loads an evicted model for the next request, not another one', () => {
    const { lifecycle, inMemory, holds, last } = setUp();
    lifecycle.ready();
    lifecycle.receive({ type: 'loaded', requestId: last(), model: inMemory(small, 'ready', true) });
    holds();
    expect(lifecycle.serving).toEqual(small);
    holds(inMemory(large));
    expect(lifecycle.serving).toEqual(small);
  });

  describe('a directory that may not open', () => {
    const problem = new SottoError('MODEL_UNREADABLE', 'it did not open');

    function checked() {
      const sent: ToEngine[] = [];
      const answers: ((found: SottoError | undefined) => void)[] = [];
      const access = {
        isOwn: (dir: string) => dir === small.dir,
        check: () => new Promise<SottoError | undefined>((resolve) => answers.push(resolve)),
      };
      const send = (message: ToEngine): void => void sent.push(message);
      const lifecycle = new ModelLifecycle({
        send,
        log: silentLog,
        access,
        plan: { model: large, standIn: small },
      });
      const loads = (): string[] =>
        sent.flatMap((message) => (message.type === 'load' ? [message.model.name] : []));
      const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      return { lifecycle, answers, loads, settle };
    }

    test('is never sent to the engine; its request gets the reason, and the starter model is loaded', async () => {
      const { lifecycle, answers, loads, settle } = checked();
      lifecycle.ready();
      expect(loads()).toEqual(['small']);
      answers[0]?.(problem);
      await settle();
      const using = lifecycle.use(large);
      answers[1]?.(problem);
      await expect(using).rejects.toBe(problem);
      expect(loads()).toEqual(['small']);
    });

    test('is sent to the engine once it opens, and not to one that is gone', async () => {
      const { lifecycle, answers, loads, settle } = checked();
      lifecycle.ready();
      lifecycle.lost('died');
      answers[0]?.(undefined);
      await settle();
      expect(loads()).toEqual(['small']);
      lifecycle.ready();
      answers[1]?.(undefined);
      await settle();
      expect(loads()).toEqual(['small', 'small', 'large']);
    });

    test('is not loaded if the request was cancelled meanwhile', async () => {
      const { lifecycle, answers, loads, settle } = checked();
      const stop = new AbortController();
      lifecycle.ready();
      const using = lifecycle.use({ name: 'other', dir: '/other' }, { signal: stop.signal });
      stop.abort();
      await expect(using).rejects.toMatchObject({ code: 'CANCELLED' });
      for (const answer of answers) answer(undefined);
      await settle();
      expect(loads()).not.toContain('other');
    });
  });
});
