import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import { collect, withModelServer, failureOf, stagesOf } from '#test/harness/model-server-fixture.js';
import { until } from '#test/harness/wait.js';

const here = withModelServer();

describe('use', () => {
  beforeEach(() => {
    here.place('small', 1000);
    here.place('large', 9000);
  });

  test('loads the model while the old one serves, and makes it the default when it is ready', async () => {
    const { models } = await here.client();
    here.daemon.engine.serving = { name: 'fake', dir: join(here.home.paths.models, 'fake') };
    here.daemon.engine.setModels([{ name: 'fake', state: 'ready' }]);
    const use = models.use('large');
    const events = collect(use);
    await until(() => here.daemon.engine.waiting.includes('large'));
    here.daemon.engine.loading('large', 0.4);
    await new Promise((resolve) => setTimeout(resolve, 120));
    here.daemon.engine.warming('large');
    expect(here.settings()).toEqual({ model: 'fake' });
    expect(here.daemon.service.states.status('fake').state).toBe('ready');
    here.daemon.engine.ready('large');
    expect(await use.result).toMatchObject({ do: 'use', model: { name: 'large', state: 'ready' } });
    expect(stagesOf(await events)).toEqual(['loading', 'warming']);
    expect(here.settings()).toEqual({ model: 'large' });
    expect((await models.list()).chosen).toBe('large');
  });

  test('changes nothing if it fails, and reports the reason', async () => {
    const { models } = await here.client();
    const use = models.use('large');
    await until(() => here.daemon.engine.waiting.includes('large'));
    here.daemon.engine.fails('large', new SottoError('TOKENIZER_FAILED', 'no vocabulary of that size'));
    await expect(use.result).rejects.toMatchObject({
      code: 'TOKENIZER_FAILED',
      message: 'no vocabulary of that size',
    });
    expect(here.settings()).toEqual({ model: 'fake' });
    expect(await failureOf(models.use('nothing').result)).toBe('MODEL_NOT_FOUND');
    expect(await failureOf(models.use('turbo').result)).toBe('MODEL_NOT_FOUND');
  });

  test('falls back to the next smaller installed model if the model does not fit', async () => {
    const { models } = await here.client();
    const use = models.use('large');
    const events = collect(use);
    await until(() => here.daemon.engine.waiting.includes('large'));
    const error = new SottoError('INSUFFICIENT_MEMORY', 'large needs 9 GB').toWire();
    here.daemon.engine.ready('small', { name: 'large', error });
    const fallbackFor = { name: 'large', error: { code: 'INSUFFICIENT_MEMORY' } };
    expect(await use.result).toMatchObject({ model: { name: 'small', state: 'ready', fallbackFor } });
    expect(await events).toContainEqual({
      type: 'fallback',
      name: 'small',
      fallbackFor: { name: 'large', error },
    });
    expect(here.settings()).toEqual({ model: 'small' });
  });

  test('changes nothing if it is cancelled', async () => {
    const { models } = await here.client();
    const controller = new AbortController();
    const use = models.use('large', { signal: controller.signal });
    await until(() => here.daemon.engine.waiting.includes('large'));
    controller.abort();
    expect(await failureOf(use.result)).toBe('CANCELLED');
    expect(here.daemon.engine.waiting).toEqual([]);
    expect(here.settings()).toEqual({ model: 'fake' });
  });

  test('of another model replaces an active one', async () => {
    const { models } = await here.client();
    const first = models.use('small');
    await until(() => here.daemon.engine.waiting.includes('small'));
    const second = models.use('large');
    await expect(first.result).rejects.toMatchObject({
      code: 'CANCELLED',
      message: 'large was chosen instead',
    });
    await until(() => here.daemon.engine.waiting.includes('large'));
    here.daemon.engine.ready('large');
    await second.result;
    expect(here.settings()).toEqual({ model: 'large' });
    expect(here.daemon.engine.requested).toEqual(['small', 'large']);
  });

  test('restores the previous model if the settings can’t be written', async () => {
    here.daemon.engine.serving = { name: 'fake', dir: join(here.home.paths.models, 'fake') };
    const { models } = await here.client();
    const use = models.use('large');
    await until(() => here.daemon.engine.waiting.includes('large'));
    rmSync(here.home.paths.settings);
    mkdirSync(here.home.paths.settings);
    here.daemon.engine.ready('large');
    await until(() => here.daemon.engine.waiting.includes('fake'));
    here.daemon.engine.ready('fake');
    expect(await failureOf(use.result)).toBe('INVALID_ARGUMENT');
    expect(here.daemon.engine.serving.name).toBe('fake');
  });

  test('continues after its client disconnected', async () => {
    const one = await here.client();
    one.models.use('large');
    await until(() => here.daemon.engine.waiting.includes('large'));
    one.close();
    await until(() => here.daemon.server.connections === 0);
    here.daemon.engine.ready('large');
    await until(() => here.daemon.service.isIdle);
    expect(here.settings()).toEqual({ model: 'large' });
  });

  test('does not change an invalid settings.json, and loads nothing', async () => {
    writeFileSync(here.home.paths.settings, '{"model":');
    const { models } = await here.client();
    expect(await failureOf(models.use('large').result)).toBe('INVALID_ARGUMENT');
    expect(here.daemon.engine.requested).toEqual([]);
  });

  test('whenReady waits for a model until its timeout', async () => {
    const { models } = await here.client();
    const use = models.use('large');
    await until(() => here.daemon.engine.waiting.includes('large'));
    here.daemon.engine.loading('large', 0.3);
    const early = models.whenReady({ model: 'large', timeoutSeconds: 0.05 });
    await expect(early).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'large is not ready after 0.05 s: loading, 30%',
    });
    const waiting = models.whenReady({ model: 'large', timeoutSeconds: 60 });
    const controller = new AbortController();
    const cancelled = models.whenReady({ model: 'large', timeoutSeconds: 60, signal: controller.signal });
    await models.info('large');
    controller.abort();
    expect(await failureOf(cancelled)).toBe('CANCELLED');
    here.daemon.engine.ready('large');
    expect(await waiting).toMatchObject({ name: 'large', state: 'ready' });
    await use.result;
    expect(await models.whenReady({ timeoutSeconds: 60 })).toMatchObject({ name: 'large' });
    here.daemon.engine.fails('small', new SottoError('MODEL_CORRUPT', 'cut off'));
    expect(await failureOf(models.whenReady({ model: 'small', timeoutSeconds: 60 }))).toBe('MODEL_CORRUPT');
    // A retry is waited for.
    const again = models.use('small');
    const hopeful = models.whenReady({ model: 'small', timeoutSeconds: 60 });
    await until(() => here.daemon.engine.waiting.includes('small'));
    here.daemon.engine.loading('small', 0.1);
    here.daemon.engine.ready('small');
    expect(await hopeful).toMatchObject({ name: 'small', state: 'ready' });
    await again.result;
  });
});

describe('remove', () => {
  beforeEach(() => here.place('mine'));

  test('is refused for a model in use, loaded or default', async () => {
    const { models } = await here.client();
    const refused = {
      code: 'BUSY',
      message: 'mine is in use',
      retryable: false,
      hint: expect.stringContaining('sotto models use') as unknown,
    };
    here.daemon.engine.setModels([{ name: 'mine', state: 'ready' }]);
    await expect(models.remove('mine')).rejects.toMatchObject(refused);
    here.daemon.engine.setModels([]);
    writeFileSync(here.home.paths.settings, '{"model":"mine"}');
    await expect(models.remove('mine')).rejects.toMatchObject(refused);
    expect(here.hasModel('mine')).toBe(true);
    writeFileSync(here.home.paths.settings, '{}');
    expect(await models.remove('mine')).toMatchObject({ name: 'mine' });
    expect(here.hasModel('mine')).toBe(false);
    expect(here.daemon.service.states.status('mine').state).toBe('absent');
    expect(await failureOf(models.remove('starter', { force: true }))).toBe('INVALID_ARGUMENT');
  });

  test('with force loads the starter model first', async () => {
    writeFileSync(here.home.paths.settings, '{"model":"mine","history":{"keepDays":3}}');
    const { models } = await here.client();
    const failing = models.remove('mine', { force: true });
    await until(() => here.daemon.engine.waiting.includes('starter'));
    expect(here.hasModel('mine')).toBe(true);
    here.daemon.engine.fails('starter', new SottoError('MODEL_CORRUPT', 'cut off'));
    expect(await failureOf(failing)).toBe('MODEL_CORRUPT');
    expect(here.hasModel('mine')).toBe(true);
    expect(here.settings()).toMatchObject({ model: 'mine' });
    const removing = models.remove('mine', { force: true });
    await until(() => here.daemon.engine.waiting.includes('starter'));
    here.daemon.engine.ready('starter');
    expect(await removing).toMatchObject({ name: 'mine', used: { name: 'starter', state: 'ready' } });
    expect(here.hasModel('mine')).toBe(false);
    expect(here.settings()).toEqual({ history: { keepDays: 3 } });
  });
});
