/** Single requests of clients about models, each awaited. The test drives the model engine. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelsRequest, ModelsResult } from '#daemon/protocol/models.js';
import { ModelService } from '#daemon/sessions/models/model-service.js';
import type { NamedStatus } from '#daemon/sessions/models/model-states.js';
import { placeModel } from '#test/harness/model-server.js';
import { noWaitClock, modelFiles } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { transcribingModels } from '#test/harness/descriptions.js';
import { ControlledModels } from '#test/harness/controlled-models.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

let hub: LocalHub;
beforeAll(async () => {
  hub = await startLocalHub();
  hub.commit('someone/model', modelFiles(20_000));
});
afterAll(() => hub.close());

let folder: string;
let settings: string;
let engine: ControlledModels;
let clock: VirtualClock;
let service: ModelService;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-models-'));
  settings = join(folder, 'settings.json');
  const modelDirs = { models: join(folder, 'models'), bundled: join(folder, 'bundled') };
  mkdirSync(join(modelDirs.bundled, 'starter'), { recursive: true });
  placeModel(modelDirs.models, 'a');
  placeModel(modelDirs.models, 'b');
  engine = new ControlledModels();
  clock = new VirtualClock();
  const own = { settings: { endpoint: hub.endpoint }, clock: noWaitClock() };
  const machineSpeed = join(folder, 'machine.json');
  const descriptions = transcribingModels(folder);
  const common = { clock, log: silentLog, descriptions };
  service = new ModelService({ engine, modelDirs, settings, machineSpeed, hub: own, ...common });
});
afterEach(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function send(request: ModelsRequest): Promise<ModelsResult> {
  return new Promise((resolve, reject) => {
    service.request(request, (notice) => {
      if (notice.type === 'done') resolve(notice.result);
      if (notice.type === 'failed') reject(notice.error);
      if (notice.type === 'cancelled') reject(new SottoError('CANCELLED', 'cancelled'));
      return true;
    });
  });
}

/** Requests start after they were accepted. */
const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function use(name: string): Promise<void> {
  const using = send({ do: 'use', model: name });
  await until(() => engine.waiting.includes(name));
  engine.ready(name);
  await using;
}

test('a model that was pulled is installed, and its states are reported in order', async () => {
  const statuses: NamedStatus[] = [];
  service.states.watch((status) => void statuses.push(status));
  expect(await send({ do: 'pull', model: 'someone/model' })).toMatchObject({ outcome: 'pulled' });
  expect(service.states.status('model')).toEqual({ name: 'model', state: 'installed' });
  const states = statuses.filter(({ name }) => name === 'model').map(({ state }) => state);
  expect([...new Set(states)]).toEqual(['downloading', 'verifying', 'installed']);
});

describe('a model that is being pulled', () => {
  test.each(['downloading', 'verifying'] as const)('is reported as %s, with its progress', async (stage) => {
    const files = service.states.beginTask('coming', stage);
    files.at(stage, 0.427);
    const refused = { code: 'MODEL_NOT_READY', message: expect.stringContaining(`${stage}, 42`) as unknown };
    expect(() => service.request({ do: 'use', model: 'coming' }, () => true)).toThrow(
      expect.objectContaining(refused),
    );
    expect(() => service.request({ do: 'verify', model: 'coming' }, () => true)).toThrow(
      expect.objectContaining(refused),
    );
    // It can be waited for nevertheless.
    const waiting = send({ do: 'wait', model: 'coming', timeoutSeconds: 600 });
    files.end({ present: true });
    engine.setModels([{ name: 'coming', state: 'ready' }]);
    expect(await waiting).toMatchObject({ model: { name: 'coming', state: 'ready' } });
  });

  test('is not found if it is not coming, even if it failed before', () => {
    const find = (): unknown => service.request({ do: 'verify', model: 'nowhere' }, () => true);
    expect(find).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
    const error = new SottoError('MODEL_CORRUPT', 'cut off');
    service.states.beginTask('nowhere', 'downloading').end({ present: false, error });
    expect(find).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });
});

describe('waiting for a model', () => {
  test('lasts exactly as long as requested', async () => {
    let ended: unknown;
    const waiting = send({ do: 'wait', model: 'a', timeoutSeconds: 5 }).catch(
      (error: unknown) => (ended = error),
    );
    await nextTick();
    clock.advance(4_999);
    await nextTick();
    expect(ended).toBeUndefined();
    clock.advance(1);
    await waiting;
    expect(ended).toMatchObject({ code: 'TIMEOUT', message: 'a is not ready after 5 s: installed' });
  });

  test('survives a failure that is being repaired, but not its own timeout', async () => {
    const failed = send({ do: 'use', model: 'a' });
    await until(() => engine.waiting.includes('a'));
    engine.fails('a', new SottoError('MODEL_CORRUPT', 'cut off'));
    await expect(failed).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    const again = send({ do: 'use', model: 'a' });
    await until(() => engine.waiting.includes('a'));
    const waiting = send({ do: 'wait', model: 'a', timeoutSeconds: 5 });
    const short = send({ do: 'wait', model: 'a', timeoutSeconds: 1 });
    const late = expect(short).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    await nextTick();
    clock.advance(1_000);
    await late;
    engine.ready('a');
    await again;
    expect(await waiting).toMatchObject({ model: { name: 'a', state: 'ready' } });
  });

  test('without a name, ends with the fallback of the default model', async () => {
    const error = new SottoError('MODEL_CORRUPT', 'cut off').toWire();
    engine.planned = { name: 'a', dir: join(folder, 'models', 'a') };
    engine.serving = { name: 'b', dir: join(folder, 'models', 'b') };
    const unnamed = send({ do: 'wait', timeoutSeconds: 5 });
    const named = expect(send({ do: 'wait', model: 'a', timeoutSeconds: 5 })).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
    });
    await nextTick();
    engine.setModels([{ name: 'b', state: 'ready', loadSeconds: 1, fallbackFor: { name: 'a', error } }]);
    expect(await unnamed).toMatchObject({ model: { name: 'b', state: 'ready', fallbackFor: { name: 'a' } } });
    await named;
  });
});

describe('removing a model', () => {
  const code = (name: string): string => {
    try {
      service.request({ do: 'remove', model: name }, () => true).leave();
      return 'accepted';
    } catch (error) {
      return SottoError.from(error).code;
    }
  };

  test('is refused for the model that serves, the default one, and one in memory', async () => {
    await use('a');
    expect(code('a')).toBe('BUSY');
    engine.setModels([{ name: 'b', state: 'loading' }]);
    expect(code('b')).toBe('BUSY');
    engine.setModels([]);
    // Chosen, and not in memory.
    expect(code('a')).toBe('BUSY');
    expect(JSON.parse(readFileSync(settings, 'utf8'))).toMatchObject({ model: 'a' });
    expect(code('b')).toBe('accepted');
  });

  test('is refused for both if another one than the default serves', async () => {
    await use('a');
    engine.planned = { name: 'b', dir: join(folder, 'models', 'b') };
    engine.setModels([]);
    expect([code('a'), code('b')]).toEqual(['BUSY', 'BUSY']);
  });

  test('is refused for the model of the settings before any is loaded, and allowed if that is missing', () => {
    writeFileSync(settings, JSON.stringify({ model: 'a' }));
    expect(code('a')).toBe('BUSY');
    writeFileSync(settings, JSON.stringify({ model: 'gone' }));
    expect(code('a')).toBe('accepted');
  });
});
