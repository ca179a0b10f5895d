import { existsSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { MODEL_LIMITS } from '#daemon/protocol/models.js';
import type { ModelStatus } from '#daemon/protocol/status.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { withModelServer, failureOf } from '#test/harness/model-server-fixture.js';
import { until } from '#test/harness/wait.js';

const here = withModelServer();

describe('a hostile client', () => {
  function greeted(): Promise<WebSocket> {
    const socket = new WebSocket('ws://localhost/ws', {
      createConnection: () => connect(here.socketPath),
      perMessageDeflate: false,
    });
    socket.on('error', () => undefined);
    const hello = { type: 'hello', protocol: PROTOCOL_VERSION, client: { name: 't', version: '0' } };
    socket.on('open', () => socket.send(JSON.stringify(hello)));
    return new Promise((resolve) => socket.once('message', () => resolve(socket)));
  }

  function messagesOf(socket: WebSocket): { type: string; id?: string; error?: { code: string } }[] {
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
    [{ do: 'cancel-pull' }],
    [{ do: 'remove', model: ['fake'] }],
    [{ do: 'remove', model: 'fake', force: 1 }],
    [{ do: 'wait', timeoutSeconds: -1 }],
    [{ do: 'wait', timeoutSeconds: 1e9 }],
    [{ do: 'wait' }],
    [{ do: 'wait', timeoutSeconds: '60' }],
  ])('gets an error for %j', async (request) => {
    const socket = await greeted();
    const all = messagesOf(socket);
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
  ])('%s %j reaches nothing outside the model folder', async (what, model) => {
    const socket = await greeted();
    const all = messagesOf(socket);
    socket.send(JSON.stringify({ type: 'models', id: 'x', request: { do: what, model, force: true } }));
    await until(() => all.some(({ type }) => type === 'error' || type === 'failed'));
    expect(['MODEL_NOT_FOUND', 'INVALID_ARGUMENT']).toContain(
      all.find(({ type }) => type === 'error' || type === 'failed')?.error?.code,
    );
    expect(existsSync('/etc')).toBe(true);
    expect(here.hasModel('fake')).toBe(true);
    socket.terminate();
  });

  test.each([['.'], ['..'], ['.downloads'], ['fake/..'], ['fake/../..'], ['../models/fake/../..']])(
    'does not remove the model folder or its parents as %j',
    async (path) => {
      const { models } = await here.client();
      mkdirSync(join(here.home.paths.models, '.downloads'), { recursive: true });
      const removing = models.remove(`${here.home.paths.models}/${path}`, { force: true });
      expect(await failureOf(removing)).toBe('INVALID_ARGUMENT');
      expect(here.hasModel('fake')).toBe(true);
      expect(here.hasModel('.downloads')).toBe(true);
    },
  );

  test('removes a model by a path that ends in a dot', async () => {
    const { models } = await here.client();
    const removing = models.remove(`${here.home.paths.models}/fake/.`, { force: true });
    // It is in use.
    await until(() => here.daemon.engine.waiting.includes('starter'));
    here.daemon.engine.ready('starter');
    await removing;
    expect(here.hasModel('fake')).toBe(false);
  });

  test('has a limit of concurrent requests, each with its own id', async () => {
    const socket = await greeted();
    const all = messagesOf(socket);
    const max = MODEL_LIMITS.requestsPerConnection;
    const watch = (id: string): void =>
      socket.send(JSON.stringify({ type: 'models', id, request: { do: 'watch' } }));
    for (let i = 0; i <= max; i++) watch(`w${i}`);
    watch('w0');
    await until(() => all.filter(({ type }) => type === 'error').length === 2);
    expect(all.filter(({ type }) => type === 'error')).toMatchObject([
      { id: `w${max}`, error: { code: 'BUSY' } },
      { id: 'w0', error: { code: 'INVALID_ARGUMENT' } },
    ]);
    socket.send(JSON.stringify({ type: 'cancel', id: 'w1' }));
    await until(() => all.some(({ type, id }) => type === 'cancelled' && id === 'w1'));
    // The request has just ended.
    socket.send(JSON.stringify({ type: 'cancel', id: 'w1' }));
    watch('w1');
    await until(() => all.filter(({ type, id }) => type === 'models-event' && id === 'w1').length > 1);
    socket.terminate();
  });

  test('gets the newest state after it did not read for a while', async () => {
    const one = await here.client();
    const slow = await greeted();
    slow.send(JSON.stringify({ type: 'models', id: 'w', request: { do: 'watch' } }));
    await one.models.list();
    slow.pause();
    const names = Array.from({ length: 300 }, (_, i) => `model-${i}-${'x'.repeat(80)}`);
    for (let round = 0; round < 60; round++) {
      const state = round % 2 === 0 ? 'ready' : 'loading';
      here.daemon.engine.setModels(names.map((name): ModelStatus => ({ name, state, fraction: 0.5 })));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    here.daemon.engine.setModels([{ name: 'fake', state: 'warming' }]);
    const all = messagesOf(slow) as { models?: unknown; event?: { models: ModelStatus[] } }[];
    await one.models.list();
    slow.resume();
    const last = (): ModelStatus[] => all.at(-1)?.event?.models ?? [];
    await until(() => last().some(({ name, state }) => name === 'fake' && state === 'warming'));
    expect(last().filter(({ name }) => name?.startsWith('model-'))).toEqual([]);
    expect(here.daemon.server.connections).toBe(2);
    slow.terminate();
  });
});
