import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
import { placeModel } from '#test/harness/model-server.js';
import { modelFiles } from '#test/harness/hub-model.js';
import { startLocalHub, type LocalHub } from '#test/harness/local-hub.js';
import { startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

const CONTENT = modelFiles(400_000);
let hub: LocalHub;
let home: TempHome;
let daemon: SottoProcess | undefined;

beforeAll(async () => {
  hub = await startLocalHub();
  hub.commit('someone/model', CONTENT);
});
afterAll(() => hub.close());
beforeEach(() => void (home = tempHome()));
afterEach(async () => {
  hub.fault = () => undefined;
  daemon?.kill('SIGKILL');
  await daemon?.done;
  home.remove();
});

/** Starts a daemon process and connects a client. */
async function start(): Promise<SottoClient> {
  daemon = startSotto(['daemon', 'run'], {
    home: home.folder,
    env: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: '', NO_PROXY: '127.0.0.1' },
  });
  let client: SottoClient | undefined;
  await until(async () => {
    client = await SottoClient.connect(home.paths.socket, 'test').catch(() => undefined);
    return client !== undefined;
  });
  if (client === undefined) throw new Error('the daemon does not listen');
  return client;
}

describe('a daemon that stops during a pull', () => {
  test.each([
    ['on SIGTERM', 'SIGTERM', 'DAEMON_UNAVAILABLE'],
    ['on SIGKILL', 'SIGKILL', 'DAEMON_LOST'],
  ] as const)('%s keeps the partial download, and the next daemon resumes it', async (_, signal, code) => {
    hub.fault = ({ kind, path }) =>
      kind === 'cdn' && path === 'weights.safetensors' ? { stallAfter: 150_000 } : undefined;
    const client = await start();
    const pull = client.models.pull('someone/model');
    for await (const event of pull) {
      if (event.type !== 'progress' || event.fraction < 0.3) continue;
      daemon?.kill(signal);
      break;
    }
    await expect(pull.result).rejects.toMatchObject({ code });
    await daemon?.done;
    expect(existsSync(join(home.paths.models, 'model'))).toBe(false);

    hub.fault = () => undefined;
    const next = await start();
    expect((await next.models.list()).partial).toMatchObject([{ name: 'model' }]);
    const again = next.models.pull('someone/model');
    let downloadedBytes = 0;
    for await (const event of again) if (event.type === 'found') ({ downloadedBytes } = event);
    expect(await again.result).toMatchObject({ name: 'model', outcome: 'pulled' });
    expect(downloadedBytes).toBeGreaterThan(100_000);
    const weights = readFileSync(join(home.paths.models, 'model', 'weights.safetensors'));
    expect(weights.equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
    next.close();
  });
});

describe('a daemon with an engine process', () => {
  const settings = (): unknown => JSON.parse(readFileSync(home.paths.settings, 'utf8'));

  beforeEach(() => {
    for (const [name, bytes] of [
      ['fake', 500],
      ['other', 2000],
      ['broken', 1000],
      ['deadly', 1500],
      ['huge', 9000],
    ] as const)
      placeModel(home.paths.models, name, bytes);
  });

  test('switches to a model that can be loaded, and keeps the old one otherwise', async () => {
    const { models } = await start();
    expect(await models.whenReady({ timeoutSeconds: 20 })).toMatchObject({ name: 'fake', state: 'ready' });
    expect(await models.use('other').result).toMatchObject({ model: { name: 'other', state: 'ready' } });
    expect(settings()).toMatchObject({ model: 'other' });
    await expect(models.use('broken').result).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    const list = await models.list();
    expect(list.chosen).toBe('other');
    expect(list.installed.find(({ name }) => name === 'other')?.status.state).toBe('ready');
    expect(settings()).toMatchObject({ model: 'other' });
    // Too large: falls back to the next smaller one and reports it.
    expect(await models.use('huge').result).toMatchObject({
      model: { state: 'ready', fallbackFor: { name: 'huge', error: { code: 'INSUFFICIENT_MEMORY' } } },
    });
    await models.unload();
  });

  test('keeps the previous model if the engine dies while it loads another one', async () => {
    const { models } = await start();
    await models.whenReady({ timeoutSeconds: 20 });
    await expect(models.use('deadly').result).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    expect(settings()).toMatchObject({ model: 'fake' });
    expect(await models.whenReady({ timeoutSeconds: 20 })).toMatchObject({ name: 'fake' });
    // A new engine is running or starting by then.
    expect(await models.use('other').result).toMatchObject({ model: { name: 'other', state: 'ready' } });
  });
});
