import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { SottoError } from '#daemon/protocol/errors.js';
import { type FromEngine } from '#daemon/protocol/ipc.js';
import { ramp } from '#test/harness/ramp.js';
import { gate, ScriptedModel, settled } from '#test/harness/scripted-speech.js';
import { until } from '#test/harness/wait.js';
import { ONE_FITS, ref, setUp } from './with-engine-host.js';

const other = { name: 'n', dir: '/n' };

describe('EngineHost with live sessions', () => {
  test('opens a session once its model is loaded, decodes it, and releases everything', async () => {
    const model = new ScriptedModel('m');
    const { host, open, speak, of, sent } = setUp(() => model);
    host.receive(ONE_FITS);
    open(1);
    await settled();
    expect(sent).toContainEqual({ type: 'live-opened', session: 1, decodedSamples: 0, intervalSeconds: 0.5 });
    speak(1, 1.2);
    host.receive({ type: 'live-finish', session: 1 });
    await settled();
    expect(of(1)).toEqual(['live-opened', 'live-update', 'live-update', 'live-done']);
    expect(model.speeches.map(({ disposed }) => disposed)).toEqual([1]);
    // Late audio is ignored.
    speak(1, 1);
    host.receive({ type: 'live-finish', session: 1 });
    host.receive({ type: 'live-cancel', session: 1 });
    await settled();
    expect(of(1)).toHaveLength(4);
    // Another model may replace it: nothing holds this one.
    open(2, { model: other });
    await settled();
    expect(model.disposed).toBe(1);
  });

  test('wires memory while a session is open, again when its model is loaded, and not for a file', async () => {
    const { host, open, run, seen } = setUp(() => new ScriptedModel('m'));
    run(1);
    await settled();
    expect(seen.wired).toEqual([]);
    open(1, { model: other });
    expect(seen.wired).toEqual([true]);
    await settled();
    expect(seen.wired.length).toBeGreaterThan(1);
    expect(new Set(seen.wired)).toEqual(new Set([true]));
    open(2);
    host.receive({ type: 'live-cancel', session: 1 });
    await settled();
    expect(seen.wired).not.toContain(false); // the other session is still open
    host.receive({ type: 'live-cancel', session: 2 });
    await settled();
    expect(seen.wired.at(-1)).toBe(false);
  });

  test('decodes live audio before a file continues, and the file continues between decodes', async () => {
    const log: string[] = [];
    const decoding = gate();
    const stepping = gate();
    const model = new ScriptedModel('m', {
      steps: 6,
      onStep: async (step) => {
        log.push(`step ${step}`);
        if (step === 1) {
          stepping.open();
          await decoding.opened;
        }
        await settled();
      },
      onDecode: async () => {
        log.push('decode begins');
        await settled();
        await settled();
        log.push('decode ends');
      },
    });
    const { open, run, speak, endOf } = setUp(() => model);
    open(1);
    await settled();
    run(1);
    await stepping.opened;
    speak(1, 1.5);
    await settled();
    decoding.open();
    expect((await endOf(1)).type).toBe('done');
    // No step starts while a decode waits or runs; between two decodes one may.
    let steps = 0;
    for (const line of log) {
      if (line === 'decode begins') steps += 1;
      else if (line === 'decode ends') steps -= 1;
      else expect([line, steps]).toEqual([line, 0]);
    }
    expect(log.filter((line) => line.startsWith('decode')).length).toBe(6);
    const third = log.lastIndexOf('decode begins');
    expect(log.slice(0, third).filter((line) => line.startsWith('step')).length).toBeGreaterThan(2);
  });

  test('cancels a file at once that waits behind a decode', async () => {
    const busy = gate();
    const stepping = gate();
    const model = new ScriptedModel('m', {
      steps: 1_000,
      onStep: async () => {
        stepping.open();
        await settled();
      },
      onDecode: () => busy.opened,
    });
    const { host, open, run, speak, endOf, of } = setUp(() => model);
    open(1);
    run(1);
    await stepping.opened;
    speak(1, 1);
    await settled();
    host.receive({ type: 'cancel', job: 1 });
    expect((await endOf(1)).type).toBe('cancelled');
    expect(of(1)).toEqual(['live-opened']);
    busy.open();
    await settled();
    expect(of(1)).toEqual(['live-opened', 'live-update', 'live-update']);
  });

  test('cancels a file at once that waits for another model, and runs the next one', async () => {
    const { host, open, run, endOf, of, speak, seen } = setUp((dir) => new ScriptedModel(dir));
    host.receive(ONE_FITS);
    open(1);
    await settled();
    run(1, '/a', other);
    await settled();
    host.receive({ type: 'cancel', job: 1 });
    expect((await endOf(1)).type).toBe('cancelled');
    run(2);
    expect((await endOf(2)).type).toBe('done');
    speak(1, 0.5);
    host.receive({ type: 'live-finish', session: 1 });
    await settled();
    expect(of(1).at(-1)).toBe('live-done');
    expect(seen.loads).toEqual(['/m']);
  });

  test('keeps the model of live sessions until the last one is over', async () => {
    const made: ScriptedModel[] = [];
    const { host, open, run, endOf, seen } = setUp((dir) => {
      const model = new ScriptedModel(dir);
      made.push(model);
      return model;
    });
    host.receive(ONE_FITS);
    open(1);
    open(2);
    await settled();
    run(1, '/a', other);
    host.receive({ type: 'live-cancel', session: 1 });
    await settled();
    expect([seen.loads, made[0]?.disposed]).toEqual([['/m'], 0]);
    host.receive({ type: 'live-finish', session: 2 });
    expect((await endOf(1)).type).toBe('done');
    expect([seen.loads, made[0]?.disposed]).toEqual([['/m', '/n'], 1]);
  });

  test('never opens a session that is cancelled while its model loads, and opens the next one', async () => {
    const loaded = gate();
    const { host, open, of, seen } = setUp(undefined, async () => {
      await loaded.opened;
      return new ScriptedModel('m');
    });
    open(1);
    open(2);
    host.receive({ type: 'live-finish', session: 1 });
    host.receive({ type: 'live-cancel', session: 1 });
    host.receive({ type: 'live-cancel', session: 1 });
    loaded.open();
    await settled();
    expect([of(1), of(2), seen.loads]).toEqual([[], ['live-opened'], ['/m']]);
  });

  test('does not evict a model for a session that is cancelled while it waits for another one', async () => {
    const model = new ScriptedModel('m');
    const { host, open, of, seen } = setUp(() => model);
    host.receive(ONE_FITS);
    open(1);
    open(2, { model: other });
    await settled();
    host.receive({ type: 'live-cancel', session: 2 });
    host.receive({ type: 'live-finish', session: 1 });
    await settled();
    open(3);
    await settled();
    expect([of(2), of(3), seen.loads, model.disposed]).toEqual([[], ['live-opened'], ['/m'], 0]);
  });

  test.each([
    ['MODEL_UNSUPPORTED', 'a model that can not listen', {}, true],
    [
      'INVALID_ARGUMENT',
      'a checkpoint of something else',
      { checkpoint: { fromSample: 0, state: 7 } },
      false,
    ],
    [
      'INVALID_ARGUMENT',
      'a checkpoint of another model',
      {
        checkpoint: { fromSample: 0, state: { decodedSamples: 0, intervalSeconds: 1, speech: 'elvish' } },
      },
      false,
    ],
    ['INVALID_ARGUMENT', 'audio that is missing', { fromSample: 1 }, false],
  ])('refuses with %s %s, and holds nothing for it', async (code, _, extra, mute) => {
    const model = new ScriptedModel('m', { mute });
    const { host, open, of, sent } = setUp(() => model);
    host.receive(ONE_FITS);
    open(1, extra);
    await settled();
    expect(of(1)).toEqual(['live-failed']);
    expect(sent).toContainEqual(expect.objectContaining({ error: expect.objectContaining({ code }) }));
    open(2, { model: other });
    await settled();
    expect(model.disposed).toBe(1);
  });

  test('a background load does not hold up files or the shutdown', async () => {
    const { host, open, run, endOf, seen, sent } = setUp((dir) => new ScriptedModel(dir));
    host.receive(ONE_FITS);
    open(1);
    open(2, { model: other });
    await settled();
    host.receive({ type: 'load', requestId: 1, model: { name: 'o', dir: '/o' }, fallbacks: [] });
    await settled();
    run(1);
    expect((await endOf(1)).type).toBe('done');
    expect(sent.some((m) => m.type === 'loaded')).toBe(false);
    host.receive({ type: 'load', requestId: 1, model: { name: 'o', dir: '/o' }, fallbacks: [] });
    host.receive({ type: 'shutdown' });
    await until(() => seen.exits === 1);
    expect(seen.loads).toEqual(['/m']);
  });

  test('shuts down during live sessions: sends nothing more, frees their models, and exits once', async () => {
    const decoding = gate();
    const model = new ScriptedModel('m', { onDecode: () => decoding.opened });
    const { host, open, run, speak, of, seen } = setUp(() => model);
    host.receive(ONE_FITS);
    for (const session of [1, 2, 3]) open(session);
    open(4, { model: other });
    await settled();
    run(1, '/a', other);
    for (const session of [1, 2]) speak(session, 1);
    await settled();
    host.receive({ type: 'shutdown' });
    await settled();
    // The running decode is waited for.
    expect([seen.exits, model.disposed]).toEqual([0, 0]);
    decoding.open();
    await until(() => seen.exits === 1);
    expect(model.speeches.map(({ disposed }) => disposed)).toEqual([1, 1, 1]);
    expect([seen.exits, model.disposed]).toEqual([1, 1]);
    for (const session of [1, 2, 3]) expect(of(session)).toEqual(['live-opened']);
    expect(of(4)).toEqual([]);
  });

  test('frees cached memory when no session and no file is active, not before', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    try {
      const step = gate();
      const { host, open, run, seen } = setUp(() => new ScriptedModel('m', { onStep: () => step.opened }));
      const pass = async (seconds = 31): Promise<number> => {
        await settled();
        jest.advanceTimersByTime(seconds * 1000);
        return seen.cleared;
      };
      open(1);
      run(1);
      expect(await pass()).toBe(0);
      host.receive({ type: 'live-finish', session: 1 });
      // The file is still being read.
      expect(await pass()).toBe(0);
      open(2);
      step.open();
      // A session is still open.
      expect(await pass()).toBe(0);
      host.receive({ type: 'live-cancel', session: 2 });
      expect(await pass()).toBe(1);
      expect(await pass(20)).toBe(1);
      // The model itself is freed, and the memory that it left for reuse.
      expect(await pass(20)).toBe(2);
    } finally {
      jest.useRealTimers();
    }
  });

  test('ends every request once, in any order of events', async () => {
    const dirs = fc.constantFrom('/m', '/n', '/broken');
    const chosen = fc.nat(5);
    const step = fc.oneof(
      fc.record({ do: fc.constant('open' as const), dir: dirs, refine: fc.boolean() }),
      fc.record({ do: fc.constant('speak' as const), chosen, samples: fc.nat(20_000) }),
      fc.record({ do: fc.constantFrom('finish' as const, 'cancel' as const), chosen }),
      fc.record({ do: fc.constant('run' as const), dir: dirs }),
      fc.record({ do: fc.constantFrom('cancel job' as const, 'load' as const, 'wait' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, ends) => {
        const made: ScriptedModel[] = [];
        const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
        const { host, open, run, of, sent, seen } = setUp(undefined, async (dir) => {
          await pause();
          if (dir === '/broken') throw new SottoError('MODEL_CORRUPT', 'config.json is cut off');
          expect(made.filter(({ disposed }) => disposed === 0)).toEqual([]);
          const model = new ScriptedModel(dir, { onDecode: pause, onFinish: pause, onStep: pause, steps: 4 });
          made.push(model);
          return model;
        });
        let sessions = 0;
        let jobs = 0;
        const cancelled = new Map<number, number>();
        const job = (): FromEngine | undefined =>
          sent.find((m) => ['done', 'failed', 'cancelled'].includes(m.type) && 'job' in m && m.job === jobs);
        for (const what of steps) {
          const session = 'chosen' in what ? what.chosen + 1 : 0;
          const model = 'dir' in what ? { name: what.dir, dir: what.dir } : ref;
          if (what.do === 'open') open((sessions += 1), { model, options: { refine: what.refine } });
          else if (what.do === 'speak') {
            const pcm = new Uint8Array(ramp(0, what.samples).buffer);
            host.receive({ type: 'live-audio', session, pcm });
          } else if (what.do === 'finish') host.receive({ type: 'live-finish', session });
          else if (what.do === 'cancel') {
            if (session <= sessions && !cancelled.has(session)) cancelled.set(session, of(session).length);
            host.receive({ type: 'live-cancel', session });
          } else if (what.do === 'run') {
            // The supervisor runs one at a time.
            if (jobs === 0 || job() !== undefined) run((jobs += 1), '/a', model);
          } else if (what.do === 'cancel job') host.receive({ type: 'cancel', job: jobs });
          else if (what.do === 'load') host.receive({ type: 'load', requestId: 1, model, fallbacks: [] });
          else await settled();
        }
        const isOver = (session: number): boolean =>
          cancelled.has(session) ||
          of(session).some((type) => type === 'live-done' || type === 'live-failed');
        const all = Array.from({ length: sessions }, (_, n) => n + 1);
        for (let turn = 0; turn < 200 && !ends; turn++) {
          // Sessions that wait for a model open when those before them are over.
          for (const session of all) host.receive({ type: 'live-finish', session });
          if (all.every(isOver) && (jobs === 0 || job() !== undefined)) break;
          await settled();
        }
        if (!ends) expect([all.every(isOver), jobs === 0 || job() !== undefined]).toEqual([true, true]);
        host.receive({ type: 'shutdown' });
        await until(() => seen.exits > 0);
        await settled();
        expect(seen.exits).toBe(1);
        for (const { disposed, speeches } of made) {
          expect([disposed, ...speeches.map((speech) => speech.disposed)]).toEqual([
            1,
            ...speeches.map(() => 1),
          ]);
        }
        for (let session = 1; session <= sessions; session++) {
          const types = of(session);
          const over = types.findIndex((type) => type === 'live-done' || type === 'live-failed');
          if (over >= 0) expect(over).toBe(types.length - 1);
          else if (cancelled.has(session)) expect(types).toHaveLength(cancelled.get(session) ?? 0);
          else expect(ends).toBe(true);
        }
        for (let id = 1; id <= jobs; id++) {
          const last = sent.filter(
            (m) => 'job' in m && m.job === id && m.type !== 'event' && m.type !== 'opened',
          );
          expect(last).toHaveLength(1);
        }
      }),
      { numRuns: 150 },
    );
  });
});
