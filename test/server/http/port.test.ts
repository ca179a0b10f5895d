import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { portHolder } from '#daemon/server/http/port-holder.js';
import { ApiPort } from '#daemon/server/http/port.js';
import { SOTTO_VERSION } from '#daemon/protocol/version.js';
import { apiToken, rotateToken } from '#daemon/store/api-token.js';
import { announce, discover } from '#daemon/store/discovery.js';
import { exchange, requestOf } from '#test/harness/raw-http.js';
import { serveTestApi, occupyPort, type TestApi } from '#test/harness/test-api.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { noIpv6, testUnless } from '#test/harness/skipping.js';

let home: TempHome;
let served: TestApi;
let wanted: number | undefined;
let failsToWant: SottoError | undefined;

beforeEach(async () => {
  home = tempHome();
  wanted = undefined;
  failsToWant = undefined;
  served = await serveTestApi(home, { port: { wanted: () => wanted, want } });
});

function want(port: number | undefined): Promise<void> {
  if (failsToWant !== undefined) return Promise.reject(failsToWant);
  wanted = port;
  return Promise.resolve();
}

afterEach(async () => {
  await served.close();
  home.remove();
});

/** The port of another daemon with the same paths. */
function secondPort(discovery: string = home.paths.discovery): ApiPort {
  const { token } = home.paths;
  return new ApiPort({
    api: served.api,
    token,
    discovery,
    wanted: () => undefined,
    want: () => Promise.resolve(),
    log: silentLog,
  });
}

/** Waits a random time, so that concurrent work is interrupted in any of its steps. */
async function aWhile(n: number): Promise<void> {
  if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, n / 6));
  else for (let queue = 0; queue < n; queue++) await new Promise(setImmediate);
}

async function open(port = 0): Promise<number> {
  const { http } = await served.port.handle({ do: 'start', port });
  return http?.port ?? -1;
}

async function get(port: number, token: string, host = '127.0.0.1', path = '/here/me'): Promise<number> {
  const headers = [
    ['Host', host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`],
    ['Authorization', `Bearer ${token}`],
  ] as const;
  const answer = await exchange({ host, port }, requestOf(`GET ${path} HTTP/1.1`, headers)).catch(
    () => undefined,
  );
  return answer?.status ?? -1;
}

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    setTimeout(() => resolve(false), 2_000).unref();
  });
}

function otherAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
}

const mode = (path: string): number => lstatSync(path).mode & 0o777;

describe('the port', () => {
  test('is closed by default, and its discovery file is private to the user', async () => {
    const { discovery, token } = home.paths;
    expect(served.port.status()).toBeUndefined();
    expect([existsSync(discovery), existsSync(token)]).toEqual([false, false]);
    const port = await open();
    expect(served.port.status()).toMatchObject({
      port,
      addresses: expect.arrayContaining(['127.0.0.1']) as unknown,
    });
    expect([mode(discovery), mode(token)]).toEqual([0o600, 0o600]);
    const found = discover(discovery);
    expect(found).toEqual({ port, token: await apiToken(token), pid: process.pid, version: SOTTO_VERSION });
    expect(await get(port, found?.token ?? '')).toBe(200);
    await served.port.close();
    expect([existsSync(discovery), existsSync(token)]).toEqual([false, true]);
    expect(await get(port, found?.token ?? '')).toBe(-1);
  });

  test('listens only on loopback addresses', async () => {
    const port = await open();
    const token = await apiToken(home.paths.token);
    const addresses = served.port.status()?.addresses ?? [];
    expect(addresses).toContain('127.0.0.1');
    for (const address of addresses) expect(await get(port, token, address)).toBe(200);
    for (const address of ['127.0.0.2', ...otherAddresses()])
      expect(await reaches(address, port)).toBe(false);
  });

  test('does not serve requests with file paths', async () => {
    const port = await open();
    const token = await apiToken(home.paths.token);
    expect(await get(port, token, '127.0.0.1', '/ws')).toBe(404);
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const status = await new Promise((resolve) => {
      client.on('unexpected-response', (_, answer) => resolve(answer.statusCode));
      client.on('open', () => resolve(101));
    });
    expect(status).toBe(404);
    client.on('error', () => undefined).terminate();
  });

  test('stays when opened again, moves to another port, and closes', async () => {
    const first = await open();
    expect(await served.port.handle({ do: 'start' })).toMatchObject({
      changed: false,
      http: { port: first },
    });
    expect(wanted).toBe(0);
    const free = await occupyPort('127.0.0.1');
    await free.close();
    expect(await open(free.port)).toBe(free.port);
    expect(wanted).toBe(free.port);
    const token = await apiToken(home.paths.token);
    expect([await get(first, token), await get(free.port, token)]).toEqual([-1, 200]);
    expect(discover(home.paths.discovery)?.port).toBe(free.port);
    expect(await served.port.handle({ do: 'stop' })).toEqual({ changed: true });
    expect(await served.port.handle({ do: 'stop' })).toEqual({ changed: false });
    expect([await get(free.port, token), wanted, existsSync(home.paths.discovery)]).toEqual([
      -1,
      undefined,
      false,
    ]);
  });

  describe.each(['127.0.0.1', '::1'])('that is in use on %s', (host) => {
    testUnless(host === '::1' ? noIpv6 : undefined)(
      'reports the process, and the previous port stays open',
      async () => {
        const listener = await occupyPort(host);
        const before = await open();
        await expect(served.port.handle({ do: 'start', port: listener.port })).rejects.toMatchObject({
          code: 'PORT_TAKEN',
          message: expect.stringContaining(`(pid ${process.pid})`) as unknown,
        });
        expect([served.port.status()?.port, wanted]).toEqual([before, 0]);
        expect(await get(before, await apiToken(home.paths.token))).toBe(200);
        await listener.close();
      },
    );
  });

  test('is opened again by the next daemon, which reports a failure', async () => {
    const listener = await occupyPort('127.0.0.1');
    wanted = listener.port;
    await served.port.restore();
    expect(served.port.status()).toMatchObject({ addresses: [], error: { code: 'PORT_TAKEN' } });
    await listener.close();
    await served.port.restore();
    expect(served.port.status()).toMatchObject({ port: listener.port });
  });

  test('is saved in the settings again when it is opened', async () => {
    const port = await open();
    wanted = undefined;
    await served.port.handle({ do: 'start' });
    expect(wanted).toBe(port);
  });

  test('is not opened by a daemon that is stopping', async () => {
    const opening = served.port.handle({ do: 'start', port: 0 });
    const closed = served.port.close();
    await expect(opening).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    await closed;
    expect([served.port.isOpen, existsSync(home.paths.discovery)]).toEqual([false, false]);
  });

  test.each(['start', 'rotate'] as const)('is closed with the daemon, at any step of a %s', async (what) => {
    await open();
    await served.close();
    for (let n = 0; n < 60; n++) {
      const port = secondPort();
      if (what === 'rotate') await port.handle({ do: 'start', port: 0 });
      const requests = port.handle(what === 'start' ? { do: 'start', port: 0 } : { do: 'rotate' });
      const answer = requests.then(
        () => 'done',
        (error: unknown) => error,
      );
      await aWhile(n);
      await port.close();
      const outcome = await answer;
      if (outcome !== 'done') expect(outcome).toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
      expect([port.isOpen, port.status(), existsSync(home.paths.discovery)]).toEqual([
        false,
        undefined,
        false,
      ]);
    }
  });

  test('is not discoverable after hide, at any step of a rotation', async () => {
    await open();
    for (let n = 0; n < 60; n++) {
      const port = secondPort();
      await port.handle({ do: 'start', port: 0 });
      const rotating = port.handle({ do: 'rotate' });
      await aWhile(n);
      port.hide();
      await rotating;
      expect(existsSync(home.paths.discovery)).toBe(false);
      await port.close();
    }
  });

  test('is not affected by a second daemon', async () => {
    const port = await open();
    secondPort();
    expect(discover(home.paths.discovery)?.port).toBe(port);
  });

  test.each([true, false])('is unchanged (open: %s) if the settings can’t be written', async (wasOpen) => {
    const before = wasOpen ? await open() : undefined;
    const found = discover(home.paths.discovery);
    failsToWant = new SottoError('INVALID_ARGUMENT', 'settings.json is not valid');
    await expect(served.port.handle({ do: 'start', port: 0 })).rejects.toBe(failsToWant);
    const free = await occupyPort('127.0.0.1');
    await free.close();
    await expect(served.port.handle({ do: 'start', port: free.port })).rejects.toBe(failsToWant);
    expect([served.port.status()?.port, discover(home.paths.discovery)]).toEqual([before, found]);
    const token = await apiToken(home.paths.token);
    expect(await get(free.port, token)).toBe(-1);
    if (before !== undefined) expect(await get(before, token)).toBe(200);
  });

  test('has the state of the last of many concurrent requests', async () => {
    const requests = Array.from({ length: 10 }, (_, n) =>
      served.port.handle(n % 2 === 0 ? { do: 'start', port: 0 } : { do: 'stop' }),
    );
    await Promise.all(requests);
    expect([served.port.isOpen, wanted]).toEqual([false, undefined]);
    expect(await served.port.handle({ do: 'status' })).toEqual({ changed: false });
  });

  test('is not opened if its discovery file can’t be written', async () => {
    await served.port.close();
    const port = secondPort(join(home.folder, 'no', 'such', 'folder'));
    await expect(port.handle({ do: 'start', port: 0 })).rejects.toMatchObject({ code: 'OUTPUT_FAILED' });
    expect(port.isOpen).toBe(false);
  });
});

describe('a new token', () => {
  test('is valid at once: the old one is refused, and its WebSockets are closed', async () => {
    const port = await open();
    const before = await apiToken(home.paths.token);
    const client = new WebSocket(`ws://127.0.0.1:${port}/talk`, [
      'realtime',
      `openai-insecure-api-key.${before}`,
    ]);
    await new Promise((resolve) => client.once('open', resolve));
    expect(client.protocol).toBe('realtime');
    const closed = new Promise((resolve) => client.once('close', resolve));
    await served.port.handle({ do: 'rotate' });
    expect(await closed).toBe(1008);
    const after = await apiToken(home.paths.token);
    expect(after).not.toBe(before);
    expect([await get(port, before), await get(port, after)]).toEqual([401, 200]);
    expect(discover(home.paths.discovery)?.token).toBe(after);
  });

  test('can be created while the port is closed', async () => {
    const before = await apiToken(home.paths.token);
    await served.port.handle({ do: 'rotate' });
    expect(await apiToken(home.paths.token)).not.toBe(before);
    expect(existsSync(home.paths.discovery)).toBe(false);
  });
});

describe('the token file', () => {
  test('is created once by concurrent requests', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => apiToken(home.paths.token)));
    expect(new Set(tokens).size).toBe(1);
    expect(tokens[0]).toMatch(/^sotto_[\w-]{43}$/);
  });

  test('is refused if others can read it, or if it is a link or not a token', async () => {
    const { token } = home.paths;
    const good = await apiToken(token);
    const refused = { code: 'UNAUTHORIZED', hint: expect.stringContaining('rotate') as unknown };
    chmodSync(token, 0o640);
    await expect(apiToken(token)).rejects.toMatchObject(refused);
    writeFileSync(join(home.folder, 'mine'), good, { mode: 0o600 });
    unlinkSync(token);
    symlinkSync(join(home.folder, 'mine'), token);
    await expect(apiToken(token)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    for (const text of ['', 'secret', `${good}${good}`, 'x'.repeat(1_000)]) {
      unlinkSync(token);
      writeFileSync(token, text, { mode: 0o600 });
      await expect(apiToken(token)).rejects.toMatchObject(refused);
    }
    await expect(served.port.handle({ do: 'start', port: 0 })).rejects.toMatchObject(refused);
    const rotated = await rotateToken(token);
    expect([await apiToken(token), mode(token)]).toEqual([rotated, 0o600]);
  });
});

describe('the discovery file', () => {
  test('of a dead process is ignored, and deleted by the next daemon', async () => {
    const { discovery } = home.paths;
    await announce(discovery, { port: 7688, token: 't', pid: 0x7fff_fff0, version: '0.0.1' });
    expect(discover(discovery)).toBeUndefined();
    await secondPort().restore();
    expect(existsSync(discovery)).toBe(false);
  });

  test('and the token file leave no draft after a daemon was killed while writing', async () => {
    const { discovery, token } = home.paths;
    const [left, young, other] = [`${discovery}.0123abcd.new`, `${token}.0123abcd.new`, `${token}.txt.new`];
    for (const path of [left, young, other]) writeFileSync(path, 'secret');
    for (const path of [left, other]) utimesSync(path, 0, 0);
    await served.port.restore();
    // It may belong to a command that is writing now.
    expect([left, young, other].map((path) => existsSync(path))).toEqual([false, true, true]);
    utimesSync(young, 0, 0);
    await served.port.restore();
    expect(existsSync(young)).toBe(false);
  });

  test('is ignored if truncated or invalid', () => {
    for (const text of ['', '{', '[]', '{"port":0}', '{"port":7688,"token":"t","pid":-1,"version":""}']) {
      writeFileSync(home.paths.discovery, text);
      expect(discover(home.paths.discovery)).toBeUndefined();
    }
  });

  test('is complete whenever it is read', async () => {
    const { discovery } = home.paths;
    const seen = new Set<number>();
    let isWriting = true;
    const reading = (async () => {
      while (isWriting) {
        if (existsSync(discovery))
          seen.add((JSON.parse(readFileSync(discovery, 'utf8')) as { port: number }).port);
        await new Promise(setImmediate);
      }
    })();
    for (let n = 0; n < 50; n++)
      await announce(discovery, {
        port: 1_024 + n,
        token: 'x'.repeat(5_000),
        pid: process.pid,
        version: '1',
      });
    isWriting = false;
    await reading;
    expect(seen.size).toBeGreaterThan(0);
  });
});

test('a free port has no holder', async () => {
  const listener = await occupyPort('127.0.0.1');
  expect(await portHolder(listener.port)).toContain(String(process.pid));
  await listener.close();
  expect(await portHolder(listener.port)).toBeUndefined();
});
