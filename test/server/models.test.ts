import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CATALOGUE } from '#daemon/store/catalogue/index.js';
import {
  collect,
  withModelServer,
  downloaded,
  failureOf,
  stagesOf,
} from '#test/harness/model-server-fixture.js';
import { NEEDED } from '#test/harness/hub-model.js';
import { until } from '#test/harness/wait.js';

const here = withModelServer();

describe('models over the socket', () => {
  test('list and info report installed and available models with their states', async () => {
    const { models } = await here.client();
    here.place('mine');
    await models.pull('someone/model').result;
    here.daemon.engine.setModels([{ name: 'fake', state: 'ready', weightBytes: 5 }]);
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
    expect(await failureOf(models.info('nothing'))).toBe('MODEL_NOT_FOUND');
  });

  test('watch reports every state of a model in order until the iteration ends', async () => {
    const { models } = await here.client();
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
    await until(() => here.daemon.engine.waiting.includes('model'));
    for (const [state, setModels] of [
      ['loading', () => here.daemon.engine.loading('model', 0.5)],
      ['warming', () => here.daemon.engine.warming('model')],
    ] as const) {
      setModels();
      await until(() => seen.includes(state));
    }
    here.daemon.engine.ready('model');
    await use.result;
    await watching;
    expect(seen[0]).toBe('absent');
    expect(seen.slice(-4)).toEqual(['installed', 'loading', 'warming', 'ready']);
    expect(seen).toContain('downloading');
  });

  test('prune removes unfinished downloads, and unused models if requested', async () => {
    const { models } = await here.client();
    await models.pull('someone/model').result;
    here.stallAfter(50_000);
    const broken = models.pull('someone/other');
    await downloaded(broken, 0.1);
    broken.cancel();
    expect(await failureOf(broken.result)).toBe('CANCELLED');
    expect((await models.list()).partial).toMatchObject([{ name: 'other', status: { state: 'absent' } }]);
    here.daemon.engine.setModels([{ name: 'model', state: 'ready' }]);
    expect((await models.prune({ unused: true })).pruned).toMatchObject([
      { what: 'a partial download of other' },
    ]);
    here.daemon.engine.setModels([]);
    expect((await models.prune({ unused: true })).pruned).toMatchObject([{ what: 'model' }]);
    expect(here.hasModel('model')).toBe(false);
    expect(here.hasModel('fake')).toBe(true);
    expect(here.daemon.idle.filter((one) => !one).length).toBe(here.daemon.idle.filter((one) => one).length);
  });

  test('verify detects a changed byte', async () => {
    const { models } = await here.client();
    await models.pull('someone/model').result;
    const sound = models.verify('model');
    expect(stagesOf(await collect(sound))).toContain('verifying');
    expect((await sound.result).files?.every(({ state }) => state === 'ok')).toBe(true);
    const spoiled = here.weightsOf('model');
    spoiled[777] = (spoiled[777] ?? 0) ^ 1;
    writeFileSync(join(here.home.paths.models, 'model', 'weights.safetensors'), spoiled);
    const { files } = await models.verify('model').result;
    expect(files?.filter(({ state }) => state !== 'ok')).toEqual([
      { name: 'weights.safetensors', state: 'changed' },
    ]);
    expect((await models.info('model')).status).toMatchObject({
      state: 'failed',
      error: { code: 'MODEL_CORRUPT', hint: expect.stringContaining('--again') as unknown },
    });
    expect(await models.pull('someone/model', { again: true }).result).toMatchObject({ outcome: 'updated' });
    expect((await models.info('model')).status.state).toBe('installed');
    // There are no hashes of a model that was not pulled.
    expect(await models.verify('fake').result).toEqual({ do: 'verify', name: 'fake' });
  });

  test('unload frees the memory of all models', async () => {
    const { models } = await here.client();
    here.daemon.engine.setModels([{ name: 'fake', state: 'ready' }]);
    await models.unload();
    expect(here.daemon.engine.unloads).toBe(1);
    expect(here.daemon.service.states.status('fake').state).toBe('installed');
  });
});
