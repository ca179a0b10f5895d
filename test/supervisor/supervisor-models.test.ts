import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import type { ModelLimits } from '#daemon/protocol/ipc.js';
import type { ModelStatus } from '#daemon/protocol/status.js';
import type { WarmPlan } from '#daemon/supervisor/model-lifecycle.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { acceleratedClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';
import { defined } from '#daemon/protocol/defined.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const named = (name: string) => ({ name, dir: `/models/${name}` });
const starter = named('starter');
const turbo = named('turbo');

let folder: string;
let supervisor: Supervisor;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-models-'))));
afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(warm: WarmPlan, loadMs = 0, limits?: ModelLimits): void {
  supervisor = new Supervisor({
    command: { modulePath: fakeEngine, env: { FAKE_ENGINE: '', FAKE_LOAD_MS: String(loadMs) } },
    clock: acceleratedClock,
    log: silentLog,
    warm,
    ...defined({ limits }),
  });
  supervisor.start();
}

async function serves(name: string): Promise<void> {
  await until(() => {
    const { model } = supervisor.status();
    return model.name === name && model.state === 'ready';
  });
}

function run(dir: string): Promise<string> {
  const path = writeFakeAudio(join(folder, `${Math.random()}.wav`), { segments: 1 });
  return new Promise((resolve) => {
    supervisor.run({ path, model: named(dir), work: transcribeWork() }, ({ type }) => {
      if (['done', 'failed', 'cancelled', 'lost'].includes(type)) resolve(type);
    });
  });
}

describe('the models of an engine', () => {
  test('the starter serves dictations while the chosen model loads; files wait for the chosen one', async () => {
    start({ model: turbo, standIn: starter }, 2_000);
    expect(supervisor.status().model).toEqual({ name: 'turbo', state: 'installed' });
    await serves('starter');
    expect([supervisor.models.serving?.name, supervisor.models.chosen?.name]).toEqual(['starter', 'turbo']);
    await serves('turbo');
    expect([supervisor.models.serving?.name, supervisor.models.chosen?.name]).toEqual(['turbo', 'turbo']);
    expect(supervisor.status().models?.map(({ name }) => name)).toEqual(['turbo']);
  });

  test('the starter keeps serving if the chosen model can not be loaded, and the reason is reported', async () => {
    start({ model: named('broken'), standIn: starter });
    await until(() => supervisor.status().model.fallbackFor !== undefined);
    expect(supervisor.status().model).toMatchObject({
      name: 'starter',
      state: 'ready',
      fallbackFor: { name: 'broken', error: { code: 'MODEL_CORRUPT' } },
    });
    expect(supervisor.models.chosen).toEqual(starter);
  });

  test('without a stand-in, a model that can not be loaded is reported as failed', async () => {
    start({ model: named('broken') });
    await until(() => supervisor.status().model.state === 'failed');
    expect(supervisor.status().model).toMatchObject({ name: 'broken', error: { code: 'MODEL_CORRUPT' } });
  });

  test('the next smaller model serves if the chosen one does not fit, also in the next engine', async () => {
    start({ model: named('huge'), fallbacks: [named('huge'), turbo], standIn: starter });
    await serves('turbo');
    const fallbackFor = { name: 'huge', error: expect.objectContaining({ code: 'INSUFFICIENT_MEMORY' }) };
    expect(supervisor.status().model.fallbackFor).toEqual(fallbackFor);
    const { pid } = supervisor.status();
    process.kill(pid ?? 0, 'SIGKILL');
    await until(() => supervisor.status().pid !== pid && supervisor.status().pid !== undefined);
    await serves('turbo');
    expect(supervisor.status().model.fallbackFor).toEqual(fallbackFor);
  });

  test('sends the memory limits to each engine', async () => {
    start({ model: turbo }, 0, { maxBytes: 999 });
    await until(() => supervisor.status().model.state === 'failed');
    expect(supervisor.status().model.error?.code).toBe('INSUFFICIENT_MEMORY');
    await supervisor.stop();
    start({ model: turbo }, 0, { maxBytes: 1000 });
    await serves('turbo');
  });

  test('another model takes over once it is ready; the previous one serves until then', async () => {
    start({ model: starter }, 2_000);
    await serves('starter');
    const changes: ModelStatus[][] = [];
    const forget = supervisor.models.watchModels((models) => changes.push([...models]));
    const using = supervisor.models.use(turbo);
    await until(() => changes.some((models) => models.some(({ name }) => name === 'turbo')));
    expect(supervisor.models.serving).toEqual(starter);
    expect(supervisor.status().model).toMatchObject({ name: 'starter', state: 'ready' });
    expect(await using).toMatchObject({ name: 'turbo', state: 'ready' });
    expect(supervisor.models.serving).toEqual(turbo);
    forget();
    const before = changes.length;
    supervisor.models.unload();
    await until(() => supervisor.status().models?.length === 0);
    expect(changes).toHaveLength(before);
    // The next request loads it again.
    expect(supervisor.status().model).toEqual({ name: 'turbo', state: 'installed' });
    expect(await run('turbo')).toBe('done');
    expect(supervisor.status().model.state).toBe('ready');
  });

  test('a model that can not be loaded changes nothing, and its request gets the reason', async () => {
    start({ model: starter });
    await serves('starter');
    await expect(supervisor.models.use(named('broken'))).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    await expect(supervisor.models.use(named('huge'))).rejects.toMatchObject({ code: 'INSUFFICIENT_MEMORY' });
    expect(await supervisor.models.use(named('huge'), { fallbacks: [turbo] })).toMatchObject({
      name: 'turbo',
      fallbackFor: { name: 'huge' },
    });
    expect(supervisor.models.serving).toEqual(turbo);
    // The caller got the error: from here on there is no fallback to report.
    expect(supervisor.status().model.fallbackFor).toBeUndefined();
    expect(supervisor.models.fallbackFor).toBeUndefined();
  });

  test('a model that crashes the engine is not tried again: the previous one is back', async () => {
    start({ model: starter });
    await serves('starter');
    await expect(supervisor.models.use(named('deadly'))).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    await serves('starter');
    expect(supervisor.status()).toMatchObject({ state: 'ready', restarts: 1 });
    await until(() => supervisor.status().state === 'ready');
    expect(await supervisor.models.use(turbo)).toMatchObject({ name: 'turbo' });
  });

  test('a model that is requested before the engine starts is loaded by it, unless it was cancelled', async () => {
    start({ model: starter }, 50);
    const calledOff = new AbortController();
    const never = supervisor.models.use(turbo, { signal: calledOff.signal });
    const other = supervisor.models.use(named('base'));
    calledOff.abort();
    await expect(never).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await other).toMatchObject({ name: 'base', state: 'ready' });
    await expect(supervisor.models.use(turbo, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(supervisor.models.serving).toEqual(named('base'));
  });

  test('an engine that dies of its model starts again with another one', async () => {
    start({ model: named('deadly'), standIn: starter });
    await until(() => supervisor.status().state === 'degraded');
    expect(await supervisor.models.use(turbo)).toMatchObject({ name: 'turbo', state: 'ready' });
    expect(supervisor.status()).toMatchObject({ state: 'ready', model: { name: 'turbo' } });
    await supervisor.stop();
    await expect(supervisor.models.use(turbo)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
  });
});
