import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ModelCache } from '#daemon/engine/model-cache.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { engineModelSchema, type EngineModel, type ModelLimits } from '#daemon/protocol/ipc.js';
import { gate, ScriptedModel, settled } from '#test/harness/scripted-speech.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import * as v from 'valibot';

const a = { name: 'a', dir: '/a' };
const b = { name: 'b', dir: '/b' };
const c = { name: 'c', dir: '/c' };
const never = new AbortController().signal;

/** Each needs 60, and 40 more while in use; `/large` needs 600. */
const WEIGHT = 60;
const WORK = 40;
const ONE_FITS: ModelLimits = { maxBytes: 150 };

function setUp(
  load: (dir: string, signal?: AbortSignal) => Promise<ScriptedModel> | ScriptedModel = (dir) =>
    new ScriptedModel(dir),
) {
  const clock = new VirtualClock();
  const loads: string[] = [];
  const made: ScriptedModel[] = [];
  const changes: EngineModel[][] = [];
  const measured: number[] = [];
  let freed = 0;
  const models = new ModelCache({
    load: async (dir, { signal }) => {
      loads.push(dir);
      const model = await load(dir, signal);
      made.push(model);
      return model;
    },
    footprint: (dir) =>
      Promise.resolve({ weightBytes: dir === '/large' ? 10 * WEIGHT : WEIGHT, workBytes: WORK }),
    clock,
    onChange: (now) => changes.push(now.map((model) => v.parse(engineModelSchema, structuredClone(model)))),
    onFreed: () => (freed += 1),
    onMeasured: (gflops) => measured.push(gflops),
  });
  /** Each reported state, once, in order. */
  const states = (): string[] =>
    changes
      .flat()
      .map(({ name, state }) => `${name} ${state}`)
      .filter((one, i, all) => all.indexOf(one) === i);
  const inMemory = (): string[] =>
    models.status().map(({ name, pinned }) => (pinned ? `${name} kept` : name));
  return { models, clock, loads, made, states, inMemory, changes, measured, freed: () => freed };
}

/** A request for a model, which releases it at once if it was cancelled meanwhile. */
class Holder {
  readonly cancelled = new AbortController();
  held: ScriptedModel | undefined;
  over = false;
  fault: unknown;
  #release: (() => void) | undefined;
  #wanted = true;

  constructor(models: ModelCache, dir: string) {
    models
      .hold({ name: dir, dir }, this.cancelled.signal)
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

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const settle = (): void => void (done = true);
  promise.then(settle, settle);
  await settled();
  return done;
}

/** A request for `a` that is cancelled while it loads; the model then serves the next request. */
async function heldAfterCancel(models: ModelCache, loaded: { readonly open: () => void }) {
  const cancelled = new AbortController();
  const first = models.hold(a, cancelled.signal);
  await settled();
  cancelled.abort();
  await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
  const second = models.hold(a);
  loaded.open();
  return second;
}

describe('ModelCache', () => {
  test('a job that holds one model does not wait for its memory with a second one', async () => {
    const { models, inMemory } = setUp();
    models.setLimits(ONE_FITS);
    const first = await models.hold(a);
    await expect(models.holdWith(b, a)).rejects.toMatchObject({
      code: 'INSUFFICIENT_MEMORY',
      message: 'b with a needs 0 MB, but models may use 0 MB here',
    });
    models.setLimits({ maxBytes: 200 });
    const second = await models.holdWith(b, a);
    expect(inMemory()).toEqual(['a', 'b']);
    // Another job's model must still wait: the two are in use.
    const third = models.hold(c);
    expect(await isSettled(third)).toBe(false);
    first.release();
    second.release();
    (await third).release();
  });

  test('a model that is loaded with another one never evicts it, loaded or not', async () => {
    const { models, inMemory } = setUp();
    models.setLimits(ONE_FITS);
    await models.pin(a, [], never);
    await expect(models.load(b, never, a)).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
    await expect(models.load(b, never, c)).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
    expect(inMemory()).toEqual(['a kept']);
    models.setLimits({ maxBytes: 200 });
    await models.load(b, never, a);
    expect(inMemory()).toEqual(['a kept', 'b']);
  });

  test('reports the speed of the machine once a pinned model is warm, if the model measures it', async () => {
    const { models, measured } = setUp((dir) => {
      const warmUp = () => Promise.resolve(dir === '/a' ? { gflops: 1800 } : {});
      return Object.assign(new ScriptedModel(dir), { warmUp });
    });
    await models.pin(b, [], never);
    expect(measured).toEqual([]);
    await models.pin(a, [], never);
    expect(measured).toEqual([1800]);
  });

  test('loads a model once for concurrent requests', async () => {
    const { models, loads, states } = setUp();
    const held = await Promise.all([models.hold(a), models.hold(a), models.hold(a)]);
    expect(new Set(held.map(({ model }) => model)).size).toBe(1);
    expect(loads).toEqual(['/a']);
    expect(states()).toEqual(['a loading', 'a ready']);
  });

  test('holds two models for two users if memory allows', async () => {
    const { models, made, inMemory } = setUp();
    models.setLimits({ maxBytes: 200 });
    const held = [await models.hold(a), await models.hold(b)];
    expect(inMemory()).toEqual(['a', 'b']);
    for (const { release } of held) release();
    expect(made.map(({ disposed }) => disposed)).toEqual([0, 0]);
  });

  test('keeps a model until its last holder releases it, before another replaces it', async () => {
    const { models, loads, made } = setUp();
    models.setLimits(ONE_FITS);
    const holders = [await models.hold(a), await models.hold(a)];
    const other = models.hold(b);
    for (const { release } of holders) {
      expect(await isSettled(other)).toBe(false);
      expect(made[0]?.disposed).toBe(0);
      // A second release does nothing.
      release();
      release();
    }
    expect((await other).model.name).toBe('/b');
    expect(made[0]?.disposed).toBe(1);
    expect(loads).toEqual(['/a', '/b']);
  });

  test('gives a loaded model at once, also while another one is waited for', async () => {
    const { models, made } = setUp();
    models.setLimits(ONE_FITS);
    const first = await models.hold(a);
    const other = models.hold(b);
    const second = await models.hold(a);
    first.release();
    expect(await isSettled(other)).toBe(false);
    expect(made[0]?.disposed).toBe(0);
    second.release();
    expect((await other).model.name).toBe('/b');
  });

  test('cancels a request that waits for memory at once, and loads nothing for it', async () => {
    const { models, loads, made } = setUp();
    models.setLimits(ONE_FITS);
    const held = await models.hold(a);
    const cancelled = new AbortController();
    const waiting = models.hold(b, cancelled.signal);
    const behind = models.hold(b, cancelled.signal);
    cancelled.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(behind).rejects.toMatchObject({ code: 'CANCELLED' });
    held.release();
    await settled();
    expect(loads).toEqual(['/a']);
    expect(made[0]?.disposed).toBe(0);
    (await models.hold(b)).release();
  });

  test('cancels a request during a load at once; the load serves the next one', async () => {
    const loaded = gate();
    const { models, loads, made } = setUp(async (dir) => {
      if (dir === '/a') await loaded.opened;
      return new ScriptedModel(dir);
    });
    models.setLimits(ONE_FITS);
    const { release } = await heldAfterCancel(models, loaded);
    expect(loads).toEqual(['/a']);
    release();
    // Nothing holds it for the cancelled request.
    expect((await models.hold(b)).model.name).toBe('/b');
    expect(made[0]?.disposed).toBe(1);
  });

  test('reports a failed load to its request; later ones succeed', async () => {
    let broken = true;
    const { models, inMemory } = setUp((dir) => {
      if (dir === '/a' && broken) throw new SottoError('MODEL_CORRUPT', 'config.json is cut off');
      return new ScriptedModel(dir);
    });
    const failed = models.hold(a);
    const other = models.hold(b);
    await expect(failed).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    (await other).release();
    expect(inMemory()).toEqual(['b']);
    broken = false;
    expect((await models.hold(a)).model.name).toBe('/a');
  });

  test('evicts a temporary model a minute after its last use, the pinned one never', async () => {
    const { models, clock, made, inMemory } = setUp();
    await models.pin(a, [], never);
    const { release } = await models.hold(b);
    clock.advance(120_000);
    expect(inMemory()).toEqual(['a kept', 'b']);
    release();
    clock.advance(59_000);
    // A request in time finds it loaded, and it stays for a minute more.
    (await models.hold(b)).release();
    clock.advance(59_000);
    expect(inMemory()).toEqual(['a kept', 'b']);
    clock.advance(1_000);
    expect(inMemory()).toEqual(['a kept']);
    expect(made[1]?.disposed).toBe(1);
  });
});

describe('pinning a model', () => {
  test('warms it up before it is ready, and keeps the old one until then', async () => {
    const loaded = gate();
    const { models, made, inMemory, states } = setUp(async (dir) => {
      if (dir === '/b') await loaded.opened;
      return new ScriptedModel(dir);
    });
    await models.pin(a, [], never);
    expect(states()).toEqual(['a loading', 'a warming', 'a ready']);
    const switching = models.pin(b, [], never);
    await settled();
    const { release } = await models.hold(a);
    expect(await isSettled(switching)).toBe(false);
    loaded.open();
    expect(await switching).toMatchObject({ name: 'b', pinned: true, state: 'ready' });
    // The user of the old one keeps it; then it is evicted.
    expect([inMemory(), made[0]?.disposed]).toEqual([['a', 'b kept'], 0]);
    release();
    expect([inMemory(), made[0]?.disposed]).toEqual([['b kept'], 1]);
  });

  test('drains the old one first if both do not fit, and serves new requests with the new one', async () => {
    const { models, loads, made, inMemory } = setUp();
    models.setLimits(ONE_FITS);
    await models.pin(a, [], never);
    const { release } = await models.hold(a);
    const switching = models.pin(b, [], never);
    const late = models.hold(b);
    await settled();
    expect([loads, made[0]?.disposed]).toEqual([['/a'], 0]);
    release();
    expect((await late).model.name).toBe('/b');
    await switching;
    expect([loads, inMemory(), made[0]?.disposed]).toEqual([['/a', '/b'], ['b kept'], 1]);
  });

  test('lets requests go before background loads', async () => {
    const { models, loads } = setUp();
    const [, held] = await Promise.all([models.pin(a, [], never), models.hold(b), models.pin(c, [], never)]);
    held.release();
    expect(loads).toEqual(['/b', '/a', '/c']);
  });

  test('keeps the old one after a failure', async () => {
    const { models, inMemory } = setUp((dir) => {
      if (dir === '/b') throw new SottoError('MODEL_CORRUPT', 'cut off');
      return new ScriptedModel(dir);
    });
    await models.pin(a, [], never);
    await expect(models.pin(b, [], never)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect(inMemory()).toEqual(['a kept']);
  });

  test('frees a model that fails at its first decode, and does not pin it', async () => {
    const { models, made, inMemory } = setUp(
      (dir) => new ScriptedModel(dir, { onStep: () => Promise.reject(new Error('shapes do not fit')) }),
    );
    await expect(models.pin(a, [], never)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect([made[0]?.disposed, inMemory()]).toEqual([1, []]);
  });

  test('ends the warm-up for a request, which gets the model', async () => {
    const working = gate();
    const { models, inMemory } = setUp(
      (dir) => new ScriptedModel(dir, { onStep: () => working.opened, steps: 100 }),
    );
    const pinned = models.pin(a, [], never);
    await settled();
    const waiting = models.hold(a);
    working.open();
    (await waiting).release();
    expect((await pinned).state).toBe('ready');
    expect(inMemory()).toEqual(['a kept']);
  });

  test.each(['in the queue', 'while it loads', 'while it warms up'])(
    'changes nothing if cancelled %s',
    async (where) => {
      const busy = gate();
      const { models, made, inMemory } = setUp(async (dir) => {
        if (where === 'in the queue' && dir === '/c') await busy.opened;
        if (where === 'while it loads' && dir === '/b') await busy.opened;
        const onStep = (): Promise<void> | undefined => (dir === '/b' ? busy.opened : undefined);
        return new ScriptedModel(dir, { onStep });
      });
      await models.pin(a, [], never);
      const other = where === 'in the queue' ? models.hold(c) : undefined;
      const cancelled = new AbortController();
      const switching = models.pin(b, [], cancelled.signal);
      await settled();
      cancelled.abort();
      await expect(switching).rejects.toMatchObject({ code: 'CANCELLED' });
      busy.open();
      await settled();
      (await other)?.release();
      expect(inMemory().filter((name) => name.endsWith('kept'))).toEqual(['a kept']);
      models.close();
      expect(made.every(({ disposed }) => disposed === 1)).toBe(true);
    },
  );
});

describe('memory', () => {
  const large = { name: 'large', dir: '/large' };

  test('refuses a model that would not fit into empty memory before reading it, with what would fit', async () => {
    const { models, loads } = setUp();
    models.setLimits({ maxBytes: 500, advice: 'whisper-small would fit' });
    await expect(models.hold(large)).rejects.toMatchObject({
      code: 'INSUFFICIENT_MEMORY',
      hint: 'whisper-small would fit',
    });
    expect(loads).toEqual([]);
  });

  test('pins the next smaller model instead, and reports it', async () => {
    const { models, inMemory } = setUp();
    models.setLimits(ONE_FITS);
    const pinned = await models.pin(large, [{ name: 'larger', dir: '/large' }, b, a], never);
    expect(pinned).toMatchObject({
      name: 'b',
      fallbackFor: { name: 'large', error: { code: 'INSUFFICIENT_MEMORY' } },
    });
    expect(inMemory()).toEqual(['b kept']);
    await expect(models.pin(large, [], never)).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
  });

  test('reloads the pinned model that was evicted for a temporary one once that is idle', async () => {
    const { models, inMemory } = setUp();
    models.setLimits(ONE_FITS);
    await models.pin(a, [], never);
    const { release } = await models.hold(b);
    expect(inMemory()).toEqual(['b']);
    release();
    await settled();
    expect(inMemory()).toEqual(['a kept']);
  });

  test('also reloads it if the temporary one could not be loaded', async () => {
    const { models, inMemory } = setUp((dir) => {
      if (dir === '/b') throw new SottoError('MODEL_CORRUPT', 'cut off');
      return new ScriptedModel(dir);
    });
    models.setLimits(ONE_FITS);
    await models.pin(a, [], never);
    await expect(models.hold(b)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    await settled();
    expect(inMemory()).toEqual(['a kept']);
  });

  test('unloads all models after some time without work, whatever ended it, and loads them on demand', async () => {
    const { models, clock, inMemory, freed } = setUp((dir) => {
      if (dir === '/c') throw new SottoError('MODEL_CORRUPT', 'cut off');
      return new ScriptedModel(dir);
    });
    models.setLimits({ unloadAfterSeconds: 600 });
    await models.pin(a, [], never);
    const endings: (() => Promise<void>)[] = [
      async () => (await models.hold(a)).release(),
      async () => void (await models.hold(c).catch(() => undefined)),
      async () => {
        const cancelled = new AbortController();
        const held = models.hold(a, cancelled.signal).then(({ release }) => release());
        cancelled.abort();
        await held.catch(() => undefined);
      },
      async () => {
        const held = await models.hold(a);
        clock.advance(3_600_000);
        expect(inMemory()).toEqual(['a kept']);
        held.release();
      },
    ];
    for (const end of endings) {
      await end();
      await settled();
      clock.advance(599_000);
      expect(inMemory()).toEqual(['a kept']);
      clock.advance(1_000);
      expect(inMemory()).toEqual([]);
      (await models.hold(a)).release();
      await settled();
      expect(inMemory()).toEqual(['a kept']);
    }
    expect(freed()).toBe(endings.length);
  });

  test('cancels a request at once while the pinned model reloads; the load serves the next one', async () => {
    const loaded = gate();
    const signals: (AbortSignal | undefined)[] = [];
    const { models, loads } = setUp(async (dir, signal) => {
      signals.push(signal);
      if (signals.length > 1) await loaded.opened;
      return new ScriptedModel(dir);
    });
    await models.pin(a, [], never);
    models.unload();
    (await heldAfterCancel(models, loaded)).release();
    expect([loads, signals[1]?.aborted]).toEqual([['/a', '/a'], undefined]);
  });

  test('frees unused models on unload, and the others once they are released', async () => {
    const { models, made, inMemory } = setUp();
    await models.pin(a, [], never);
    const { release } = await models.hold(b);
    models.unload();
    expect(inMemory()).toEqual(['b']);
    release();
    expect(inMemory()).toEqual([]);
    expect(made.map(({ disposed }) => disposed)).toEqual([1, 1]);
    (await models.hold(a)).release();
    expect(inMemory()).toEqual(['a kept']);
  });

  test('never exceeds the limit or frees a held model, in any order of requests and cancels', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('hold' as const), dir: fc.constantFrom('/a', '/b', '/c') }),
      fc.record({ do: fc.constantFrom('release' as const, 'cancel' as const), chosen: fc.nat(20) }),
      fc.record({ do: fc.constant('keep' as const), dir: fc.constantFrom('/a', '/b') }),
      fc.record({ do: fc.constantFrom('wait' as const, 'unload' as const, 'later' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const { models, made, clock } = setUp(async (dir) => {
          await new Promise((resolve) => setImmediate(resolve));
          return new ScriptedModel(dir);
        });
        models.setLimits({ maxBytes: 210, unloadAfterSeconds: 90 });
        const holders: Holder[] = [];
        for (const what of steps) {
          const chosen = 'chosen' in what ? holders[what.chosen % Math.max(1, holders.length)] : undefined;
          if (what.do === 'hold') holders.push(new Holder(models, what.dir));
          else if (what.do === 'keep') {
            models.pin({ name: what.dir, dir: what.dir }, [], never).catch(() => undefined);
          } else if (what.do === 'unload') models.unload();
          else if (what.do === 'later') clock.advance(70_000);
          else if (what.do === 'wait') await settled();
          else if (what.do === 'release') chosen?.release();
          else chosen?.cancelled.abort();
          for (const { held } of holders) expect(held?.disposed ?? 0).toBe(0);
          const used = new Set(holders.flatMap(({ held }) => (held === undefined ? [] : [held.name])));
          const there = made.filter(({ disposed }) => disposed === 0).length;
          expect(there * WEIGHT + used.size * WORK).toBeLessThanOrEqual(210);
        }
        for (const holder of holders) holder.release();
        for (let turn = 0; turn < 50 && holders.some(({ over }) => !over); turn++) await settled();
        for (const { fault, over } of holders) expect([fault, over]).toEqual([undefined, true]);
        // Nothing is held any more: new requests succeed.
        (await models.hold({ name: '/z', dir: '/z' })).release();
        models.close();
        expect(made.map(({ disposed }) => disposed)).toEqual(made.map(() => 1));
      }),
      { numRuns: 150 },
    );
  });
});
