import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { SottoClient, type ModelWork } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { MODEL_LIMITS, type ModelsEvent } from '#daemon/protocol/models.js';
import type { ModelStatus } from '#daemon/protocol/status.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import type { SottoServer } from '#daemon/server/server.js';
import type { ModelDesk } from '#daemon/sessions/models/model-desk.js';
import { CATALOGUE, plainFormOf } from '#daemon/store/catalogue/index.js';
import { placeModel, startDesk, type DeskServer } from '#test/harness/desk-server.js';
import { impatientClock, modelFiles, NEEDED } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import type { PuppetModels } from '#test/harness/puppet-models.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

const BYTES = 200_000;
const CONTENT = modelFiles(BYTES);
let hub: LocalHub;
let home: TempHome;
let engine: PuppetModels;
let desk: ModelDesk;
let server: SottoServer;
let daemon: DeskServer;
/** Of each start another one: a lock that is left to this process counts as held. */
let socketPath: string;
let starts = 0;
const clients: SottoClient[] = [];

beforeAll(async () => {
  hub = await startLocalHub();
  hub.commit('someone/model', CONTENT);
  hub.commit('someone/other', modelFiles(BYTES, 'other'));
});
afterAll(() => hub.close());

beforeEach(async () => {
  home = tempHome();
  mkdirSync(join(home.folder, 'bundled', 'starter'), { recursive: true });
  await begin();
});

afterEach(async () => {
  hub.fault = () => undefined;
  await end();
  home.remove();
});

/** A daemon as far as models go. */
async function begin(): Promise<void> {
  socketPath = join(home.folder, `r${starts++}`, 's');
  daemon = await startDesk({
    home,
    socketPath,
    shelves: { models: home.paths.models, bundled: join(home.folder, 'bundled') },
    hub: { settings: { endpoint: hub.endpoint }, clock: impatientClock() },
  });
  ({ desk, engine, server } = daemon);
}

async function end(): Promise<void> {
  for (const one of clients.splice(0)) one.close();
  await daemon.end();
}

async function client(): Promise<SottoClient> {
  const one = await SottoClient.connect(socketPath, 'test');
  clients.push(one);
  return one;
}

const place = (name: string, bytes?: number): void => placeModel(home.paths.models, name, bytes);
const settings = (): unknown => JSON.parse(readFileSync(home.paths.settings, 'utf8'));
const isHere = (...path: string[]): boolean => existsSync(join(home.paths.models, ...path));
const weightsOf = (name: string): Buffer =>
  readFileSync(join(home.paths.models, name, 'weights.safetensors'));

/** The second server of the hub stands still after so many bytes of the weights. */
function stallAfter(bytes: number): void {
  hub.fault = ({ kind, path }) =>
    kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: bytes } : undefined;
}

async function collect(work: AsyncIterable<ModelsEvent>): Promise<ModelsEvent[]> {
  const all: ModelsEvent[] = [];
  try {
    for await (const event of work) all.push(event);
  } catch {
    // Whoever asks for the result hears of it.
  }
  return all;
}

/** Reads until a download has come so far. */
async function downloaded(work: ModelWork<unknown>, fraction: number): Promise<void> {
  for await (const event of work) {
    if (event.type === 'progress' && event.stage === 'downloading' && event.fraction >= fraction) return;
  }
}

const stages = (events: readonly ModelsEvent[]): string[] =>
  events.map((event) => (event.type === 'progress' ? event.stage : event.type));
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => SottoError.from(error).code,
  );

describe('models over the socket', () => {
  test('list and info tell what is here, what there is, and where each stands', async () => {
    const { models } = await client();
    place('mine');
    await models.pull('someone/model').result;
    engine.tell([{ name: 'fake', state: 'ready', weightBytes: 5 }]);
    const list = await models.list();
    expect(
      list.installed.map(({ name, from, chosen, status }) => [name, from, chosen, status.state]),
    ).toEqual([
      ['fake', 'user', true, 'ready'],
      ['mine', 'user', false, 'installed'],
      ['model', 'hub', false, 'installed'],
      ['starter', 'sotto', false, 'installed'],
    ]);
    expect(list).toMatchObject({ chosen: 'fake', partial: [] });
    expect(list.catalogue).toHaveLength(CATALOGUE.length);
    expect(list.catalogue.map(({ name }) => name)).toContain(list.recommended);
    const info = await models.info('someone/model');
    expect(info).toMatchObject({ name: 'model', chosen: false, status: { state: 'installed' } });
    expect(info.record?.files.map(({ name }) => name).sort()).toEqual(NEEDED);
    expect(await models.info('turbo')).toMatchObject({
      name: 'whisper-large-v3-turbo',
      status: { state: 'absent' },
      catalogue: { family: 'whisper' },
    });
    expect(await codeOf(models.info('nothing'))).toBe('MODEL_NOT_FOUND');
  });

  test('watch tells of every state of a model, in order, until the loop is left', async () => {
    const { models } = await client();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const all of models.watch()) {
        const status = all.find(({ name }) => name === 'model');
        const state = status?.state ?? 'absent';
        if (seen.at(-1) !== state) seen.push(state);
        if (state === 'ready') return;
      }
    })();
    await until(() => seen.length > 0);
    await models.pull('someone/model').result;
    const use = models.use('model');
    await until(() => engine.waiting.includes('model'));
    for (const [state, tell] of [
      ['loading', () => engine.loading('model', 0.5)],
      ['warming', () => engine.warming('model')],
    ] as const) {
      tell();
      await until(() => seen.includes(state));
    }
    engine.ready('model');
    await use.result;
    await watching;
    expect(seen[0]).toBe('absent');
    expect(seen.slice(-4)).toEqual(['installed', 'loading', 'warming', 'ready']);
    expect(seen).toContain('downloading');
  });

  test('prune takes away what was given up, and what is not in use if it is asked to', async () => {
    const { models } = await client();
    await models.pull('someone/model').result;
    stallAfter(50_000);
    const broken = models.pull('someone/other');
    await downloaded(broken, 0.1);
    broken.cancel();
    expect(await codeOf(broken.result)).toBe('CANCELLED');
    expect((await models.list()).partial).toMatchObject([{ name: 'other', status: { state: 'absent' } }]);
    engine.tell([{ name: 'model', state: 'ready' }]);
    expect((await models.prune({ unused: true })).pruned).toMatchObject([{ what: 'a part of other' }]);
    engine.tell([]);
    expect((await models.prune({ unused: true })).pruned).toMatchObject([{ what: 'model' }]);
    expect(isHere('model')).toBe(false);
    expect(isHere('fake')).toBe(true);
    expect(daemon.idle.filter((one) => !one).length).toBe(daemon.idle.filter((one) => one).length);
  });

  test('verify sees a byte that has changed', async () => {
    const { models } = await client();
    await models.pull('someone/model').result;
    const sound = models.verify('model');
    expect(stages(await collect(sound))).toContain('verifying');
    expect((await sound.result).files?.every(({ state }) => state === 'right')).toBe(true);
    const spoiled = weightsOf('model');
    spoiled[777] = (spoiled[777] ?? 0) ^ 1;
    writeFileSync(join(home.paths.models, 'model', 'weights.safetensors'), spoiled);
    const { files } = await models.verify('model').result;
    expect(files?.filter(({ state }) => state !== 'right')).toEqual([
      { name: 'weights.safetensors', state: 'changed' },
    ]);
    expect((await models.info('model')).status).toMatchObject({
      state: 'failed',
      error: { code: 'MODEL_CORRUPT', hint: expect.stringContaining('--again') as unknown },
    });
    expect(await models.pull('someone/model', { again: true }).result).toMatchObject({ outcome: 'updated' });
    expect((await models.info('model')).status.state).toBe('installed');
    // Nothing is known of one that was not pulled.
    expect(await models.verify('fake').result).toEqual({ do: 'verify', name: 'fake' });
  });

  test('unload frees what is in memory', async () => {
    const { models } = await client();
    engine.tell([{ name: 'fake', state: 'ready' }]);
    await models.unload();
    expect(engine.unloads).toBe(1);
    expect(desk.states.of('fake').state).toBe('installed');
  });
});

describe('a pull', () => {
  test('tells how far it is, and ends with the model', async () => {
    const { models } = await client();
    const pull = models.pull('someone/model', { as: 'mine' });
    const events = await collect(pull);
    expect(stages(events).slice(0, 2)).toEqual(['asking', 'found']);
    const order = [...new Set(stages(events))];
    expect(order).toEqual(['asking', 'found', 'downloading', 'verifying']);
    for (const stage of ['downloading', 'verifying'] as const) {
      const far = events.flatMap((one) =>
        one.type === 'progress' && one.stage === stage ? [one.fraction] : [],
      );
      expect(far).toEqual([...far].sort((a, b) => a - b));
      expect(far.at(-1)).toBe(1);
    }
    expect(await pull.result).toMatchObject({ do: 'pull', name: 'mine', outcome: 'pulled' });
    expect(weightsOf('mine').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
    expect(await models.pull('someone/model', { as: 'mine' }).result).toMatchObject({
      outcome: 'there already',
    });
  });

  test('goes on when its client leaves, and whoever asks again joins it', async () => {
    stallAfter(60_000);
    const one = await client();
    await downloaded(one.models.pull('someone/model'), 0.2);
    one.close();
    await until(() => server.connections === 0);
    expect(desk.idle).toBe(false);
    const two = await client();
    const joined = two.models.pull('someone/model');
    // It hears from the start what cannot be missed.
    const [first] = await firstEvents(joined, 1);
    expect(first).toMatchObject({ type: 'asking', repo: 'someone/model' });
    two.close();
    await until(() => server.connections === 0);
    expect(desk.idle).toBe(false);
    const hits = hub.hits.filter(({ kind }) => kind === 'info').length;
    hub.fault = () => undefined;
    // What stalls is tried again after a while; here somebody calls it off and asks anew.
    const three = await client();
    const other = three.models.pull('someone/model');
    other.cancel();
    expect(await codeOf(other.result)).toBe('CANCELLED');
    expect(hub.hits.filter(({ kind }) => kind === 'info')).toHaveLength(hits);
    const last = three.models.pull('someone/model');
    const found = (await collect(last)).find(({ type }) => type === 'found');
    expect(found).toMatchObject({ type: 'found', haveBytes: expect.any(Number) as unknown });
    expect(found?.type === 'found' && found.haveBytes).toBeGreaterThan(0);
    expect(await last.result).toMatchObject({ outcome: 'pulled' });
    expect(weightsOf('model').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
  });

  test('of two clients is one download; what one calls off ends for both, each told why', async () => {
    const one = await client();
    const two = await client();
    const mark = hub.hits.length;
    const [a, b] = [one.models.pull('someone/model'), two.models.pull('someone/model')];
    const [first, second] = await Promise.all([a.result, b.result]);
    expect(first).toEqual(second);
    const weights = hub.hits
      .slice(mark)
      .filter(({ kind, path }) => kind === 'cdn' && path.endsWith('tensors'));
    expect(weights).toHaveLength(1);

    stallAfter(60_000);
    const [c, d] = [one.models.pull('someone/other'), two.models.pull('someone/other')];
    await Promise.all([downloaded(c, 0.2), downloaded(d, 0.2)]);
    d.cancel();
    await expect(d.result).rejects.toMatchObject({ code: 'CANCELLED', message: 'cancelled' });
    await expect(c.result).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'somebody else called it off',
    });
    expect(isHere('other')).toBe(false);
    expect(desk.states.of('other').state).toBe('absent');
    expect(desk.idle).toBe(true);
  });

  test('that was called off can be asked for anew at once', async () => {
    stallAfter(60_000);
    const { models } = await client();
    const first = models.pull('someone/model');
    await downloaded(first, 0.2);
    hub.fault = () => undefined;
    first.cancel();
    const again = models.pull('someone/model');
    expect(await codeOf(first.result)).toBe('CANCELLED');
    expect(await again.result).toMatchObject({ outcome: 'pulled' });
    expect(daemon.idle).toEqual([false, true]);
  });

  test('is refused where too many works are under way', async () => {
    stallAfter(10_000);
    const { models } = await client();
    const pulls = Array.from({ length: MODEL_LIMITS.works }, (_, i) =>
      models.pull('someone/model', { as: `m${i}` }),
    );
    expect(await codeOf(models.pull('someone/model', { as: 'more' }).result)).toBe('BUSY');
    // Others are served meanwhile.
    expect((await models.list()).installed.length).toBeGreaterThan(0);
    for (const pull of pulls) pull.cancel();
    expect(new Set(await Promise.all(pulls.map(({ result }) => codeOf(result))))).toEqual(
      new Set(['CANCELLED']),
    );
    expect(desk.idle).toBe(true);
  });

  test('of another model under the same name is refused while one is under way', async () => {
    stallAfter(60_000);
    const { models } = await client();
    const pull = models.pull('someone/model', { as: 'x' });
    await downloaded(pull, 0.2);
    expect(await codeOf(models.pull('someone/other', { as: 'x' }).result)).toBe('BUSY');
    expect(await codeOf(models.use('x').result)).toBe('MODEL_NOT_READY');
    expect(await codeOf(models.remove('x'))).toBe('MODEL_NOT_READY');
    pull.cancel();
    await codeOf(pull.result);
  });

  test('that fails leaves the model failed, with the reason', async () => {
    hub.fault = ({ kind }) => (kind === 'cdn' ? { status: 403 } : undefined);
    const { models } = await client();
    expect(await codeOf(models.pull('someone/model').result)).toMatch(/^DOWNLOAD_/);
    expect((await models.list()).partial[0]?.status.state).toBe('failed');
    expect(await codeOf(models.pull('no model of this name').result)).toBe('MODEL_NOT_FOUND');
    expect(await codeOf(models.pull('someone/model', { as: '../x' }).result)).toBe('INVALID_ARGUMENT');
  });

  test('of a quantized form that the hub lacks brings the float16 form, and says so', async () => {
    const lacking = CATALOGUE.find((entry) => entry.precision !== 'float16' && entry.revision === undefined);
    const plain = lacking === undefined ? undefined : plainFormOf(lacking);
    if (lacking === undefined || plain === undefined) throw new Error('the catalogue pins all');
    hub.commit(plain.repo, CONTENT, { ...(plain.revision !== undefined && { commit: plain.revision }) });
    const { models } = await client();
    const pull = models.pull(lacking.name);
    const insteadOf = { name: lacking.name, error: { code: 'QUANTIZED_UNAVAILABLE' } };
    expect((await collect(pull)).find(({ type }) => type === 'instead')).toMatchObject({
      name: plain.name,
      insteadOf,
    });
    expect(await pull.result).toMatchObject({ name: plain.name, insteadOf });
    expect(desk.states.of(lacking.name)).toMatchObject({
      state: 'failed',
      error: { code: 'QUANTIZED_UNAVAILABLE' },
    });
    expect(desk.states.of(plain.name).state).toBe('installed');
    // And who chooses the quantized one gets what is here, and is told.
    const use = models.use(lacking.name);
    await until(() => engine.waiting.length > 0);
    engine.ready(plain.name);
    expect(await use.result).toMatchObject({
      model: { name: plain.name, state: 'ready', insteadOf: { name: lacking.name } },
    });
    expect(settings()).toMatchObject({ model: plain.name });
  });

  test('is ended in good order by the end of the daemon, and the next one goes on with it', async () => {
    stallAfter(60_000);
    const { models } = await client();
    const pull = models.pull('someone/model');
    await downloaded(pull, 0.2);
    const stopped = desk.stop();
    await expect(pull.result).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    await stopped;
    expect(await codeOf(models.list())).toBe('DAEMON_UNAVAILABLE');
    await end();
    hub.fault = () => undefined;
    await begin();
    const next = await client();
    const again = next.models.pull('someone/model');
    const found = (await collect(again)).find(({ type }) => type === 'found');
    expect(found?.type === 'found' && found.haveBytes).toBeGreaterThan(10_000);
    expect(await again.result).toMatchObject({ outcome: 'pulled' });
    expect(weightsOf('model').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
  });
});

async function firstEvents(work: AsyncIterable<ModelsEvent>, count: number): Promise<ModelsEvent[]> {
  const all: ModelsEvent[] = [];
  for await (const event of work) if (all.push(event) >= count) break;
  return all;
}

describe('use', () => {
  beforeEach(() => {
    place('small', 1000);
    place('large', 9000);
  });

  test('has the model loaded while the old one serves, and chooses it only once it is ready', async () => {
    const { models } = await client();
    engine.serving = { name: 'fake', dir: join(home.paths.models, 'fake') };
    engine.tell([{ name: 'fake', state: 'ready' }]);
    const use = models.use('large');
    const events = collect(use);
    await until(() => engine.waiting.includes('large'));
    engine.loading('large', 0.4);
    await new Promise((resolve) => setTimeout(resolve, 120));
    engine.warming('large');
    expect(settings()).toEqual({ model: 'fake' });
    expect(desk.states.of('fake').state).toBe('ready');
    engine.ready('large');
    expect(await use.result).toMatchObject({ do: 'use', model: { name: 'large', state: 'ready' } });
    expect(stages(await events)).toEqual(['loading', 'warming']);
    expect(settings()).toEqual({ model: 'large' });
    expect((await models.list()).chosen).toBe('large');
  });

  test('that fails changes nothing, and says why', async () => {
    const { models } = await client();
    const use = models.use('large');
    await until(() => engine.waiting.includes('large'));
    engine.fails('large', new SottoError('TOKENIZER_FAILED', 'no vocabulary of that size'));
    await expect(use.result).rejects.toMatchObject({
      code: 'TOKENIZER_FAILED',
      message: 'no vocabulary of that size',
    });
    expect(settings()).toEqual({ model: 'fake' });
    expect(await codeOf(models.use('nothing').result)).toBe('MODEL_NOT_FOUND');
    expect(await codeOf(models.use('turbo').result)).toBe('MODEL_NOT_FOUND');
  });

  test('of one that does not fit takes the next smaller one that is here, and says so', async () => {
    const { models } = await client();
    const use = models.use('large');
    const events = collect(use);
    await until(() => engine.waiting.includes('large'));
    const error = new SottoError('INSUFFICIENT_MEMORY', 'large needs 9 GB').toWire();
    engine.ready('small', { name: 'large', error });
    const insteadOf = { name: 'large', error: { code: 'INSUFFICIENT_MEMORY' } };
    expect(await use.result).toMatchObject({ model: { name: 'small', state: 'ready', insteadOf } });
    expect(await events).toContainEqual({
      type: 'instead',
      name: 'small',
      insteadOf: { name: 'large', error },
    });
    expect(settings()).toEqual({ model: 'small' });
  });

  test('called off leaves all as it was', async () => {
    const { models } = await client();
    const controller = new AbortController();
    const use = models.use('large', { signal: controller.signal });
    await until(() => engine.waiting.includes('large'));
    controller.abort();
    expect(await codeOf(use.result)).toBe('CANCELLED');
    expect(engine.waiting).toEqual([]);
    expect(settings()).toEqual({ model: 'fake' });
  });

  test('of another model takes the place of one that is under way', async () => {
    const { models } = await client();
    const first = models.use('small');
    await until(() => engine.waiting.includes('small'));
    const second = models.use('large');
    await expect(first.result).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'large was chosen meanwhile',
    });
    await until(() => engine.waiting.includes('large'));
    engine.ready('large');
    await second.result;
    expect(settings()).toEqual({ model: 'large' });
    expect(engine.asked).toEqual(['small', 'large']);
  });

  test('whose choice can’t be written down has the model before it serve again', async () => {
    engine.serving = { name: 'fake', dir: join(home.paths.models, 'fake') };
    const { models } = await client();
    const use = models.use('large');
    await until(() => engine.waiting.includes('large'));
    rmSync(home.paths.settings);
    mkdirSync(home.paths.settings);
    engine.ready('large');
    await until(() => engine.waiting.includes('fake'));
    engine.ready('fake');
    expect(await codeOf(use.result)).toBe('INVALID_ARGUMENT');
    expect(engine.serving.name).toBe('fake');
  });

  test('waits for an engine that is on its way', async () => {
    engine.up = false;
    const { models } = await client();
    const use = models.use('large');
    await new Promise((resolve) => setTimeout(resolve, 250));
    engine.up = true;
    await until(() => engine.waiting.includes('large'));
    engine.ready('large');
    expect(await use.result).toMatchObject({ model: { name: 'large', state: 'ready' } });
    engine.up = false;
    const other = models.use('small');
    await models.list();
    other.cancel();
    expect(await codeOf(other.result)).toBe('CANCELLED');
  });

  test('goes on when its client leaves', async () => {
    const one = await client();
    one.models.use('large');
    await until(() => engine.waiting.includes('large'));
    one.close();
    await until(() => server.connections === 0);
    engine.ready('large');
    await until(() => desk.idle);
    expect(settings()).toEqual({ model: 'large' });
  });

  test('leaves settings.json alone that is not valid, and loads nothing for it', async () => {
    writeFileSync(home.paths.settings, '{"model":');
    const { models } = await client();
    expect(await codeOf(models.use('large').result)).toBe('INVALID_ARGUMENT');
    expect(engine.asked).toEqual([]);
  });

  test('whenReady waits for a model, for so long', async () => {
    const { models } = await client();
    const use = models.use('large');
    await until(() => engine.waiting.includes('large'));
    engine.loading('large', 0.3);
    const early = models.whenReady({ model: 'large', timeoutSeconds: 0.05 });
    await expect(early).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'large is not ready after 0.05 s: loading, 30 %',
    });
    const waiting = models.whenReady({ model: 'large', timeoutSeconds: 60 });
    const nobody = new AbortController();
    const gone = models.whenReady({ model: 'large', timeoutSeconds: 60, signal: nobody.signal });
    await models.info('large');
    nobody.abort();
    expect(await codeOf(gone)).toBe('CANCELLED');
    engine.ready('large');
    expect(await waiting).toMatchObject({ name: 'large', state: 'ready' });
    await use.result;
    expect(await models.whenReady({ timeoutSeconds: 60 })).toMatchObject({ name: 'large' });
    engine.fails('small', new SottoError('MODEL_CORRUPT', 'cut off'));
    expect(await codeOf(models.whenReady({ model: 'small', timeoutSeconds: 60 }))).toBe('MODEL_CORRUPT');
    // Tried once more, it is waited for.
    const again = models.use('small');
    const hopeful = models.whenReady({ model: 'small', timeoutSeconds: 60 });
    await until(() => engine.waiting.includes('small'));
    engine.loading('small', 0.1);
    engine.ready('small');
    expect(await hopeful).toMatchObject({ name: 'small', state: 'ready' });
    await again.result;
  });
});

describe('remove', () => {
  beforeEach(() => place('mine'));

  test('of a model in use is refused, in memory or chosen', async () => {
    const { models } = await client();
    const refused = {
      code: 'BUSY',
      message: 'mine is in use',
      retryable: false,
      hint: expect.stringContaining('sotto models use') as unknown,
    };
    engine.tell([{ name: 'mine', state: 'ready' }]);
    await expect(models.remove('mine')).rejects.toMatchObject(refused);
    engine.tell([]);
    writeFileSync(home.paths.settings, '{"model":"mine"}');
    await expect(models.remove('mine')).rejects.toMatchObject(refused);
    expect(isHere('mine')).toBe(true);
    writeFileSync(home.paths.settings, '{}');
    expect(await models.remove('mine')).toMatchObject({ name: 'mine' });
    expect(isHere('mine')).toBe(false);
    expect(desk.states.of('mine').state).toBe('absent');
    expect(await codeOf(models.remove('starter', { force: true }))).toBe('INVALID_ARGUMENT');
  });

  test('by force has the starter model take its place first', async () => {
    writeFileSync(home.paths.settings, '{"model":"mine","history":{"keepDays":3}}');
    const { models } = await client();
    const failing = models.remove('mine', { force: true });
    await until(() => engine.waiting.includes('starter'));
    expect(isHere('mine')).toBe(true);
    engine.fails('starter', new SottoError('MODEL_CORRUPT', 'cut off'));
    expect(await codeOf(failing)).toBe('MODEL_CORRUPT');
    expect(isHere('mine')).toBe(true);
    expect(settings()).toMatchObject({ model: 'mine' });
    const removing = models.remove('mine', { force: true });
    await until(() => engine.waiting.includes('starter'));
    engine.ready('starter');
    expect(await removing).toMatchObject({ name: 'mine', used: { name: 'starter', state: 'ready' } });
    expect(isHere('mine')).toBe(false);
    expect(settings()).toEqual({ history: { keepDays: 3 } });
  });
});

describe('a client that means ill', () => {
  function greeted(): Promise<WebSocket> {
    const socket = new WebSocket('ws://localhost/ws', {
      createConnection: () => connect(socketPath),
      perMessageDeflate: false,
    });
    socket.on('error', () => undefined);
    const hello = { type: 'hello', protocol: PROTOCOL_VERSION, client: { name: 't', version: '0' } };
    socket.on('open', () => socket.send(JSON.stringify(hello)));
    return new Promise((resolve) => socket.once('message', () => resolve(socket)));
  }

  function heard(socket: WebSocket): { type: string; id?: string; error?: { code: string } }[] {
    const all: { type: string; id?: string; error?: { code: string } }[] = [];
    socket.on('message', (data: Buffer) => all.push(JSON.parse(data.toString()) as { type: string }));
    return all;
  }

  test.each([
    [undefined],
    [null],
    ['list'],
    [[]],
    [{}],
    [{ do: 'format' }],
    [{ do: '__proto__' }],
    [{ do: 'pull' }],
    [{ do: 'pull', model: '' }],
    [{ do: 'pull', model: 7 }],
    [{ do: 'pull', model: 'x'.repeat(5000) }],
    [{ do: 'pull', model: 'someone/model', as: '' }],
    [{ do: 'pull', model: 'someone/model', again: 'yes' }],
    [{ do: 'remove', model: ['fake'] }],
    [{ do: 'remove', model: 'fake', force: 1 }],
    [{ do: 'wait', timeoutSeconds: -1 }],
    [{ do: 'wait', timeoutSeconds: 1e9 }],
    [{ do: 'wait' }],
    [{ do: 'wait', timeoutSeconds: '60' }],
  ])('hears what is wrong with %j', async (request) => {
    const socket = await greeted();
    const all = heard(socket);
    socket.send(JSON.stringify({ type: 'models', id: 'x', request }));
    await until(() => all.length > 0);
    expect(all[0]).toMatchObject({ type: 'error', id: 'x', error: { code: 'INVALID_ARGUMENT' } });
    socket.terminate();
  });

  test.each([
    ['remove', '../../etc'],
    ['remove', '..'],
    ['remove', '.downloads'],
    ['remove', '/etc'],
    ['remove', 'fake/../fake'],
    ['use', '../fake'],
    ['verify', './fake'],
    ['info', '~/x'],
    ['info', 'fake\u0000'],
  ])('%s %j reaches nothing outside the folder of models', async (what, model) => {
    const socket = await greeted();
    const all = heard(socket);
    socket.send(JSON.stringify({ type: 'models', id: 'x', request: { do: what, model, force: true } }));
    await until(() => all.some(({ type }) => type === 'error' || type === 'failed'));
    expect(['MODEL_NOT_FOUND', 'INVALID_ARGUMENT']).toContain(
      all.find(({ type }) => type === 'error' || type === 'failed')?.error?.code,
    );
    expect(existsSync('/etc')).toBe(true);
    expect(isHere('fake')).toBe(true);
    socket.terminate();
  });

  test.each([
    ['.'],
    ['..'],
    ['.downloads'],
    ['fake/..'],
    ['fake/../..'],
    ['fake/.'],
    ['../models/fake/../..'],
  ])('the folder of models itself, or what holds it, is not removed as %j of it', async (path) => {
    const { models } = await client();
    mkdirSync(join(home.paths.models, '.downloads'), { recursive: true });
    const removing = models.remove(`${home.paths.models}/${path}`, { force: true });
    if (path === 'fake/.') {
      // That is the model: it is in use.
      await until(() => engine.waiting.includes('starter'));
      engine.ready('starter');
      await removing;
      expect(isHere('fake')).toBe(false);
      return;
    }
    expect(await codeOf(removing)).toBe('INVALID_ARGUMENT');
    expect(isHere('fake')).toBe(true);
    expect(isHere('.downloads')).toBe(true);
  });

  test('has so many requests at a time, each with an id of its own', async () => {
    const socket = await greeted();
    const all = heard(socket);
    const most = MODEL_LIMITS.requestsPerConnection;
    const watch = (id: string): void =>
      socket.send(JSON.stringify({ type: 'models', id, request: { do: 'watch' } }));
    for (let i = 0; i <= most; i++) watch(`w${i}`);
    watch('w0');
    await until(() => all.filter(({ type }) => type === 'error').length === 2);
    expect(all.filter(({ type }) => type === 'error')).toMatchObject([
      { id: `w${most}`, error: { code: 'BUSY' } },
      { id: 'w0', error: { code: 'INVALID_ARGUMENT' } },
    ]);
    socket.send(JSON.stringify({ type: 'cancel', id: 'w1' }));
    await until(() => all.some(({ type, id }) => type === 'cancelled' && id === 'w1'));
    // Over already: the two messages have crossed.
    socket.send(JSON.stringify({ type: 'cancel', id: 'w1' }));
    watch('w1');
    await until(() => all.filter(({ type, id }) => type === 'models-event' && id === 'w1').length > 1);
    socket.terminate();
  });

  test('watches without reading, and is told the newest when it reads again', async () => {
    const one = await client();
    const slow = await greeted();
    slow.send(JSON.stringify({ type: 'models', id: 'w', request: { do: 'watch' } }));
    await one.models.list();
    slow.pause();
    const names = Array.from({ length: 300 }, (_, i) => `model-${i}-${'x'.repeat(80)}`);
    for (let round = 0; round < 60; round++) {
      const state = round % 2 === 0 ? 'ready' : 'loading';
      engine.tell(names.map((name): ModelStatus => ({ name, state, fraction: 0.5 })));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    engine.tell([{ name: 'fake', state: 'warming' }]);
    const all = heard(slow) as { models?: unknown; event?: { models: ModelStatus[] } }[];
    await one.models.list();
    slow.resume();
    const last = (): ModelStatus[] => all.at(-1)?.event?.models ?? [];
    await until(() => last().some(({ name, state }) => name === 'fake' && state === 'warming'));
    expect(last().filter(({ name }) => name?.startsWith('model-'))).toEqual([]);
    expect(server.connections).toBe(2);
    slow.terminate();
  });
});
