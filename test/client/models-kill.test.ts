import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoClient } from '#daemon/client/index.js';
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

/** A daemon in a process of its own, and somebody who talks to it. */
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
  if (client === undefined) throw new Error('nobody listens');
  return client;
}

describe('a daemon that ends in the middle of a pull', () => {
  test.each([
    ['when it is asked to', 'SIGTERM', 'DAEMON_UNAVAILABLE'],
    ['when it is killed', 'SIGKILL', 'DAEMON_LOST'],
  ] as const)('%s leaves what has come, and the next one goes on with it', async (_, signal, code) => {
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
    let haveBytes = 0;
    for await (const event of again) if (event.type === 'found') ({ haveBytes } = event);
    expect(await again.result).toMatchObject({ name: 'model', outcome: 'pulled' });
    expect(haveBytes).toBeGreaterThan(100_000);
    const weights = readFileSync(join(home.paths.models, 'model', 'weights.safetensors'));
    expect(weights.equals(Buffer.from(CONTENT['weights.safetensors'] ?? ''))).toBe(true);
    next.close();
  });
});
