import { describe, expect, test } from '@jest/globals';
import { MODEL_LIMITS, type ModelsEvent } from '#daemon/protocol/models.js';
import { CATALOGUE, unquantizedFormOf } from '#daemon/store/catalogue/index.js';
import {
  collect,
  CONTENT,
  withModelServer,
  downloaded,
  failureOf,
  stagesOf,
} from '#test/harness/model-server-fixture.js';
import { until } from '#test/harness/wait.js';
import { defined } from '#daemon/protocol/defined.js';

const here = withModelServer();

describe('a pull', () => {
  test('reports progress and ends with the model', async () => {
    const { models } = await here.client();
    const pull = models.pull('someone/model', { as: 'mine' });
    const events = await collect(pull);
    expect(stagesOf(events).slice(0, 2)).toEqual(['resolving', 'found']);
    const order = [...new Set(stagesOf(events))];
    expect(order).toEqual(['resolving', 'found', 'downloading', 'verifying']);
    for (const stage of ['downloading', 'verifying'] as const) {
      const far = events.flatMap((one) =>
        one.type === 'progress' && one.stage === stage ? [one.fraction] : [],
      );
      expect(far).toEqual([...far].sort((a, b) => a - b));
      expect(far.at(-1)).toBe(1);
    }
    expect(await pull.result).toMatchObject({ do: 'pull', name: 'mine', outcome: 'pulled' });
    expect(here.weightsOf('mine').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
    expect(await models.pull('someone/model', { as: 'mine' }).result).toMatchObject({
      outcome: 'up-to-date',
    });
  });

  test('continues after its client disconnected, and the same request joins it', async () => {
    here.stallAfter(60_000);
    const one = await here.client();
    await downloaded(one.models.pull('someone/model'), 0.2);
    one.close();
    await until(() => here.daemon.server.connections === 0);
    expect(here.daemon.service.isIdle).toBe(false);
    const two = await here.client();
    const joined = two.models.pull('someone/model');
    // It gets all numbered events from the start.
    const [first] = await firstEvents(joined, 1);
    expect(first).toMatchObject({ type: 'resolving', repo: 'someone/model' });
    two.close();
    await until(() => here.daemon.server.connections === 0);
    expect(here.daemon.service.isIdle).toBe(false);
    const hits = here.hub.hits.filter(({ kind }) => kind === 'info').length;
    here.hub.fault = () => undefined;
    // A stalled download is retried after a while; this test cancels it and requests it again.
    const three = await here.client();
    const other = three.models.pull('someone/model');
    other.cancel();
    expect(await failureOf(other.result)).toBe('CANCELLED');
    expect(here.hub.hits.filter(({ kind }) => kind === 'info')).toHaveLength(hits);
    const last = three.models.pull('someone/model');
    const found = (await collect(last)).find(({ type }) => type === 'found');
    expect(found).toMatchObject({ type: 'found', downloadedBytes: expect.any(Number) as unknown });
    expect(found?.type === 'found' && found.downloadedBytes).toBeGreaterThan(0);
    expect(await last.result).toMatchObject({ outcome: 'pulled' });
    expect(here.weightsOf('model').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
  });

  test('of two clients is one download, and a cancel of one ends it for both', async () => {
    const one = await here.client();
    const two = await here.client();
    const mark = here.hub.hits.length;
    const [a, b] = [one.models.pull('someone/model'), two.models.pull('someone/model')];
    const [first, second] = await Promise.all([a.result, b.result]);
    expect(first).toEqual(second);
    const weights = here.hub.hits
      .slice(mark)
      .filter(({ kind, path }) => kind === 'cdn' && path.endsWith('tensors'));
    expect(weights).toHaveLength(1);

    here.stallAfter(60_000);
    const [c, d] = [one.models.pull('someone/other'), two.models.pull('someone/other')];
    await Promise.all([downloaded(c, 0.2), downloaded(d, 0.2)]);
    d.cancel();
    await expect(d.result).rejects.toMatchObject({ code: 'CANCELLED', message: 'cancelled' });
    await expect(c.result).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'cancelled by another client',
    });
    expect(here.hasModel('other')).toBe(false);
    expect(here.daemon.service.states.status('other').state).toBe('absent');
    expect(here.daemon.service.isIdle).toBe(true);
  });

  test('is cancelled by its local name by any client', async () => {
    here.stallAfter(60_000);
    const one = await here.client();
    const two = await here.client();
    expect(await two.models.cancelPull('mine')).toBe(false);
    const pull = one.models.pull('someone/model', { as: 'mine' });
    await downloaded(pull, 0.2);
    // Other pulls continue.
    expect(await two.models.cancelPull('someone/model')).toBe(false);
    expect(here.daemon.service.isIdle).toBe(false);
    expect(await two.models.cancelPull('mine')).toBe(true);
    await expect(pull.result).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'cancelled by another client',
    });
    expect(here.daemon.service.isIdle).toBe(true);
    expect((await two.models.list()).partial).toMatchObject([{ name: 'mine', repo: 'someone/model' }]);
  });

  test('can be requested again at once after a cancel', async () => {
    here.stallAfter(60_000);
    const { models } = await here.client();
    const first = models.pull('someone/model');
    await downloaded(first, 0.2);
    here.hub.fault = () => undefined;
    first.cancel();
    const again = models.pull('someone/model');
    expect(await failureOf(first.result)).toBe('CANCELLED');
    expect(await again.result).toMatchObject({ outcome: 'pulled' });
    expect(here.daemon.idle).toEqual([false, true]);
  });

  test('is refused while too many jobs are active', async () => {
    here.stallAfter(10_000);
    const { models } = await here.client();
    const pulls = Array.from({ length: MODEL_LIMITS.jobs }, (_, i) =>
      models.pull('someone/model', { as: `m${i}` }),
    );
    expect(await failureOf(models.pull('someone/model', { as: 'more' }).result)).toBe('BUSY');
    // Other requests are served meanwhile.
    expect((await models.list()).installed.length).toBeGreaterThan(0);
    for (const pull of pulls) pull.cancel();
    expect(new Set(await Promise.all(pulls.map(({ result }) => failureOf(result))))).toEqual(
      new Set(['CANCELLED']),
    );
    expect(here.daemon.service.isIdle).toBe(true);
  });

  test('of another model with the same name is refused while one is active', async () => {
    here.stallAfter(60_000);
    const { models } = await here.client();
    const pull = models.pull('someone/model', { as: 'x' });
    await downloaded(pull, 0.2);
    expect(await failureOf(models.pull('someone/other', { as: 'x' }).result)).toBe('BUSY');
    expect(await failureOf(models.use('x').result)).toBe('MODEL_NOT_READY');
    expect(await failureOf(models.remove('x'))).toBe('MODEL_NOT_READY');
    pull.cancel();
    await failureOf(pull.result);
  });

  test('marks the model as failed with the reason', async () => {
    here.hub.fault = ({ kind }) => (kind === 'cdn' ? { status: 403 } : undefined);
    const { models } = await here.client();
    expect(await failureOf(models.pull('someone/model').result)).toMatch(/^DOWNLOAD_/);
    expect((await models.list()).partial[0]?.status.state).toBe('failed');
    expect(await failureOf(models.pull('no model of this name').result)).toBe('MODEL_NOT_FOUND');
    expect(await failureOf(models.pull('someone/model', { as: '../x' }).result)).toBe('INVALID_ARGUMENT');
  });

  test('falls back to float16 if the Hub lacks the quantized form', async () => {
    const lacking = CATALOGUE.find((entry) => entry.precision !== 'float16' && entry.revision === undefined);
    const plain = lacking === undefined ? undefined : unquantizedFormOf(lacking);
    if (lacking === undefined || plain === undefined) throw new Error('the catalogue pins all');
    here.hub.commit(plain.repo, CONTENT, { ...defined({ commit: plain.revision }) });
    const { models } = await here.client();
    const pull = models.pull(lacking.name);
    const fallbackFor = { name: lacking.name, error: { code: 'QUANTIZED_UNAVAILABLE' } };
    expect((await collect(pull)).find(({ type }) => type === 'fallback')).toMatchObject({
      name: plain.name,
      fallbackFor,
    });
    expect(await pull.result).toMatchObject({ name: plain.name, fallbackFor });
    expect(here.daemon.service.states.status(lacking.name)).toMatchObject({
      state: 'failed',
      error: { code: 'QUANTIZED_UNAVAILABLE' },
    });
    expect(here.daemon.service.states.status(plain.name).state).toBe('installed');
    // Choosing the quantized form then uses the float16 form, and reports it.
    const use = models.use(lacking.name);
    await until(() => here.daemon.engine.waiting.length > 0);
    here.daemon.engine.ready(plain.name);
    expect(await use.result).toMatchObject({
      model: { name: plain.name, state: 'ready', fallbackFor: { name: lacking.name } },
    });
    expect(here.settings()).toMatchObject({ model: plain.name });
  });

  test('of a missing form is cancelled by the name of its fallback', async () => {
    const lacking = CATALOGUE.find((entry) => entry.precision !== 'float16' && entry.revision === undefined);
    const plain = lacking === undefined ? undefined : unquantizedFormOf(lacking);
    if (lacking === undefined || plain === undefined) throw new Error('the catalogue pins all');
    here.hub.commit(plain.repo, CONTENT, { ...defined({ commit: plain.revision }) });
    here.stallAfter(60_000);
    const { models } = await here.client();
    const pull = models.pull(lacking.name);
    await downloaded(pull, 0.2);
    expect(await models.cancelPull(lacking.name)).toBe(false);
    expect(await models.cancelPull(plain.name)).toBe(true);
    expect(await failureOf(pull.result)).toBe('CANCELLED');
  });

  test('is stopped with the daemon, and the next daemon resumes it', async () => {
    here.stallAfter(60_000);
    const { models } = await here.client();
    const pull = models.pull('someone/model');
    await downloaded(pull, 0.2);
    const stopped = here.daemon.service.stop();
    await expect(pull.result).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    await stopped;
    expect(await failureOf(models.list())).toBe('DAEMON_UNAVAILABLE');
    await here.end();
    here.hub.fault = () => undefined;
    await here.begin();
    const next = await here.client();
    const again = next.models.pull('someone/model');
    const found = (await collect(again)).find(({ type }) => type === 'found');
    expect(found?.type === 'found' && found.downloadedBytes).toBeGreaterThan(10_000);
    expect(await again.result).toMatchObject({ outcome: 'pulled' });
    expect(here.weightsOf('model').equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
  });
});

async function firstEvents(work: AsyncIterable<ModelsEvent>, count: number): Promise<ModelsEvent[]> {
  const all: ModelsEvent[] = [];
  for await (const event of work) if (all.push(event) >= count) break;
  return all;
}
