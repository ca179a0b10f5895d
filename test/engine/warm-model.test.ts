import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WarmModel } from '#daemon/engine/warm-model.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { parseFromEngine, type FromEngine } from '#daemon/protocol/ipc.js';
import { gate, ScriptedModel, settled } from '#test/harness/scripted-speech.js';

const a = { name: 'a', dir: '/a' };
const b = { name: 'b', dir: '/b' };

function setUp(
  load: (dir: string) => Promise<ScriptedModel> | ScriptedModel = (dir) => new ScriptedModel(dir),
) {
  const sent: FromEngine[] = [];
  const loads: string[] = [];
  const made: ScriptedModel[] = [];
  const models = new WarmModel(
    async (dir) => {
      // The old one has gone before the new one comes.
      expect(made.filter(({ disposed }) => disposed === 0)).toEqual([]);
      loads.push(dir);
      const model = await load(dir);
      made.push(model);
      return model;
    },
    (message) => sent.push(parseFromEngine(structuredClone(message))),
  );
  const states = (): string[] =>
    sent.flatMap((message) => (message.type === 'model' ? [`${message.name} ${message.state}`] : []));
  return { models, loads, made, states };
}

/** Somebody who wants a model, and lets go of it as soon as he has it if he was told to meanwhile. */
class Holder {
  readonly cancelled = new AbortController();
  held: ScriptedModel | undefined;
  over = false;
  fault: unknown;
  #release: (() => void) | undefined;
  #wanted = true;

  constructor(models: WarmModel, dir: string) {
    models
      .hold({ name: dir, dir }, { signal: this.cancelled.signal })
      .then(({ model, release }) => {
        expect(model.name).toBe(dir);
        expect(model).toBeInstanceOf(ScriptedModel);
        if (model instanceof ScriptedModel) this.held = model;
        this.#release = release;
        if (!this.#wanted) this.release();
      })
      .catch((error: unknown) => {
        if (!(error instanceof SottoError && error.code === 'CANCELLED')) this.fault = error;
      })
      .finally(() => (this.over = true));
  }

  release(): void {
    this.#wanted = false;
    this.held = undefined;
    this.#release?.();
  }
}

/** Whether something is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const settle = (): void => void (done = true);
  promise.then(settle, settle);
  await settled();
  return done;
}

describe('WarmModel', () => {
  test('loads a model once for all who want it at the same time', async () => {
    const { models, loads, states } = setUp();
    const held = await Promise.all([models.hold(a), models.hold(a), models.hold(a)]);
    expect(new Set(held.map(({ model }) => model)).size).toBe(1);
    expect(loads).toEqual(['/a']);
    expect(states()).toEqual(['a loading', 'a ready']);
  });

  test('keeps a model as long as one of its holders has it, before another takes its place', async () => {
    const { models, loads, made } = setUp();
    const holders = [await models.hold(a), await models.hold(a)];
    const other = models.hold(b);
    for (const { release } of holders) {
      expect(await isSettled(other)).toBe(false);
      expect(made[0]?.disposed).toBe(0);
      // Letting go twice is letting go once.
      release();
      release();
    }
    expect((await other).model.name).toBe('/b');
    expect(made[0]?.disposed).toBe(1);
    expect(loads).toEqual(['/a', '/b']);
  });

  test('gives the model that is there at once, also while somebody waits for another one', async () => {
    const { models, made } = setUp();
    const first = await models.hold(a);
    const other = models.hold(b);
    const second = await models.hold(a);
    first.release();
    expect(await isSettled(other)).toBe(false);
    // In the very moment in which the last one lets go, too.
    second.release();
    const third = await models.hold(a);
    expect(await isSettled(other)).toBe(false);
    expect(made[0]?.disposed).toBe(0);
    third.release();
    expect((await other).model.name).toBe('/b');
  });

  test('who is cancelled while another model is in use leaves at once, and nothing is loaded for nobody', async () => {
    const { models, loads, made } = setUp();
    const held = await models.hold(a);
    const cancelled = new AbortController();
    const waiting = models.hold(b, { signal: cancelled.signal });
    const behind = models.hold(b, { signal: cancelled.signal });
    cancelled.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(behind).rejects.toMatchObject({ code: 'CANCELLED' });
    held.release();
    await settled();
    expect(loads).toEqual(['/a']);
    expect(made[0]?.disposed).toBe(0);
    (await models.hold(b)).release();
  });

  test('who is cancelled during a load leaves at once; the load serves the next one', async () => {
    const loaded = gate();
    const { models, loads, made } = setUp(async (dir) => {
      if (dir === '/a') await loaded.opened;
      return new ScriptedModel(dir);
    });
    const cancelled = new AbortController();
    const first = models.hold(a, { signal: cancelled.signal });
    await settled();
    cancelled.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    const second = models.hold(a);
    loaded.open();
    const { release } = await second;
    expect(loads).toEqual(['/a']);
    release();
    // Nobody holds it for the one who left.
    expect((await models.hold(b)).model.name).toBe('/b');
    expect(made[0]?.disposed).toBe(1);
  });

  test('tells a load that fails to who asked, and those behind get theirs', async () => {
    let broken = true;
    const { models, states } = setUp((dir) => {
      if (dir === '/a' && broken) throw new SottoError('MODEL_CORRUPT', 'config.json is cut off');
      return new ScriptedModel(dir);
    });
    const failed = models.hold(a);
    const other = models.hold(b);
    await expect(failed).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    (await other).release();
    broken = false;
    expect((await models.hold(a)).model.name).toBe('/a');
    expect(states()).toEqual(['a loading', 'a failed', 'b loading', 'b ready', 'a loading', 'a ready']);
  });

  test('frees a model that can not decode silence, and is not left with it', async () => {
    const { models, made, states } = setUp(
      (dir) => new ScriptedModel(dir, { onStep: () => Promise.reject(new Error('shapes do not fit')) }),
    );
    const warmUp = new AbortController().signal;
    await expect(models.hold(a, { warmUp })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(made[0]?.disposed).toBe(1);
    expect(states()).toEqual(['a loading', 'a warming', 'a failed']);
  });

  test('a first decode that is cut short leaves a model that is ready', async () => {
    const warmUp = new AbortController();
    const { models, states } = setUp(
      (dir) => new ScriptedModel(dir, { onStep: () => warmUp.abort(), steps: 100 }),
    );
    (await models.hold(a, { warmUp: warmUp.signal })).release();
    expect(states()).toEqual(['a loading', 'a warming', 'a ready']);
  });

  test('has never two models, nor frees one that is held, whoever comes, goes or is cancelled', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('hold' as const), dir: fc.constantFrom('/a', '/b', '/c') }),
      fc.record({ do: fc.constantFrom('release' as const, 'cancel' as const), who: fc.nat(20) }),
      fc.record({ do: fc.constant('wait' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { models, made } = setUp(async (dir) => {
          await new Promise((resolve) => setImmediate(resolve));
          return new ScriptedModel(dir);
        });
        const holders: Holder[] = [];
        for (const what of steps) {
          const who = 'who' in what ? holders[what.who % Math.max(1, holders.length)] : undefined;
          if (what.do === 'hold') holders.push(new Holder(models, what.dir));
          else if (what.do === 'wait') await settled();
          else if (what.do === 'release') who?.release();
          else who?.cancelled.abort();
          for (const { held } of holders) expect(held?.disposed ?? 0).toBe(0);
        }
        for (const holder of holders) holder.release();
        for (let turn = 0; turn < 50 && holders.some(({ over }) => !over); turn++) await settled();
        for (const { fault, over } of holders) expect([fault, over]).toEqual([undefined, true]);
        // Nobody holds anything any more: whoever comes now is served.
        (await models.hold({ name: '/z', dir: '/z' })).release();
        models.close();
        expect(made.map(({ disposed }) => disposed)).toEqual(made.map(() => 1));
      }),
      { numRuns: 150 },
    );
  });
});
