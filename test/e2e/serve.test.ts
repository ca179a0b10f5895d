/** `sotto serve` and `sotto token`, as commands, with a daemon in a process of its own. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { isListening } from '#daemon/server/probe.js';
import { discover, type Discovery } from '#daemon/store/discovery.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { all, open, requestOf } from '#test/harness/raw-http.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoResult } from '#test/harness/run-sotto.js';
import { occupyPort } from '#test/harness/test-api.js';
import { isRunning, until } from '#test/harness/wait.js';

const home = withHome();

function run(...args: string[]): Promise<SottoResult> {
  return sotto(args, { home: home.folder });
}

/** A free port: concurrent tests may use the usual one. */
async function freePort(): Promise<number> {
  const otherServer = await occupyPort('127.0.0.1');
  await otherServer.close();
  return otherServer.port;
}

function found(): Discovery {
  const discovery = discover(home.paths.discovery);
  if (discovery === undefined) throw new Error('no port is open');
  return discovery;
}

async function get(path: string, { port, token }: Discovery): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { authorization: `Bearer ${token}` },
  }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.status ?? 0;
}

function settings(): unknown {
  return JSON.parse(readFileSync(home.paths.settings, 'utf8'));
}

describe('sotto serve', () => {
  test('starts a daemon, opens the port, and prints how to connect', async () => {
    const port = String(await freePort());
    const { code, stdout, stderr } = await run('serve', '--port', port);
    expect([code, stderr]).toEqual([0, '']);
    for (const part of [
      `http://127.0.0.1:${port}/v1\n`,
      home.paths.token,
      'OPENAI_BASE_URL',
      'sotto serve --stop',
    ])
      expect(stdout).toContain(part);
    expect(stdout).not.toContain('sotto_');
    expect((await run('token', 'show')).stdout).toBe(`${found().token}\n`);
    // Node's own client sends `Sec-Fetch-Mode: cors`, and is no page.
    await until(async () => (await get('/health', found())) === 200);
    expect(await get('/health', { ...found(), token: 'guess' })).toBe(401);
    expect((await run('daemon', 'status')).stdout).toMatch(new RegExp(`port +${port} on 127.0.0.1`));
    expect(JSON.parse((await run('serve', '--status', '--json')).stdout)).toMatchObject({
      open: true,
      baseUrl: `http://127.0.0.1:${port}/v1`,
    });
    for (const file of [home.paths.token, home.paths.discovery])
      expect(lstatSync(file).mode & 0o777).toBe(0o600);
  });

  test('opens it for the next daemon too, even after a kill, until it is closed', async () => {
    const port = await freePort();
    await run('serve', '--port', String(port));
    const first = found();
    process.kill(first.pid, 'SIGKILL');
    await until(() => !isRunning(first.pid));
    expect([existsSync(home.paths.discovery), discover(home.paths.discovery)]).toEqual([true, undefined]);
    expect(await run('serve', '--status')).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('The API server isn’t running') as unknown,
    });
    await run('daemon', 'start');
    await until(() => discover(home.paths.discovery) !== undefined);
    expect(found()).toMatchObject({ port, token: first.token });
    expect(found().pid).not.toBe(first.pid);
    expect(await run('serve', '--stop')).toMatchObject({ code: 0, stdout: 'API server stopped.\n' });
    expect(await get('/health', { ...first, port })).toBe(0);
    expect([existsSync(home.paths.discovery), settings()]).toEqual([false, { model: 'fake' }]);
    expect((await run('serve', '--stop')).stdout).toBe('The API server isn’t running.\n');
    await run('daemon', 'stop');
    expect(await run('serve', '--stop')).toMatchObject({ code: 0 });
  });

  test('reports which process has the port, and what to do', async () => {
    const otherServer = await occupyPort('127.0.0.1');
    const { code, stdout, stderr } = await run('serve', '--port', String(otherServer.port));
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(
      new RegExp(`^sotto: port ${otherServer.port} is in use by .*\\(pid ${process.pid}\\) — .*--port`),
    );
    expect(settings()).toEqual({ model: 'fake' });
    const any = await run('serve', '--port', '0', '--json');
    expect(any.code).toBe(0);
    expect(await get('/health', found())).not.toBe(0);
    await otherServer.close();
  });

  test('keeps an idle daemon running until the port is closed', async () => {
    const daemon = startSotto(['daemon', 'run', '--idle-exit', '0.1'], { home: home.folder });
    await run('serve', '--port', '0');
    expect(found().pid).toBe(daemon.pid);
    expect((await run('daemon', 'status')).stdout).toContain('keeps running while the API port is open');
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    expect(isRunning(daemon.pid)).toBe(true);
    await run('serve', '--stop');
    expect(await daemon.done).toMatchObject({ code: 0 });
  });

  test('answers running requests before it stops, and removes its discovery file', async () => {
    await run('serve', '--port', '0');
    const { port, token } = found();
    const path = writeFakeAudio(join(home.folder, 'a.wav'), { segments: 40, delayMs: 50 });
    const form = new FormData();
    form.append('model', 'whisper-1');
    form.append('file', new Blob([readFileSync(path)]), 'a.wav');
    const request = fetch(`http://127.0.0.1:${port}/v1/audio/transcriptions`, {
      method: 'POST',
      body: form,
      headers: { authorization: `Bearer ${token}` },
    });
    await until(async () => (await daemonStatus(home.paths))?.queue.running === 1);
    const stopped = run('daemon', 'stop');
    const answer = await request;
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ text: expect.any(String) as unknown }),
    ]);
    expect((await stopped).code).toBe(0);
    // The fake engine keeps a count of its own next to its file.
    const left = readdirSync(home.paths.uploads).filter((name) => !name.endsWith('.attempts'));
    expect([existsSync(home.paths.discovery), left]).toEqual([false, []]);
    // Its request is not stored anywhere.
    const logs = readdirSync(home.paths.logs).map((name) =>
      readFileSync(join(home.paths.logs, name), 'utf8'),
    );
    expect(logs.join('')).not.toContain(token);
  });

  test('refuses invalid ports, and contradicting options', async () => {
    for (const args of [
      ['--port', '80'],
      ['--port', '65536'],
      ['--port', 'x'],
      ['--stop', '--port', '9000'],
      ['--stop', '--status'],
    ])
      expect(await run('serve', ...args)).toMatchObject({ code: 2, stdout: '' });
    expect(await daemonStatus(home.paths)).toBeUndefined();
  });
});

test('an idle daemon does not exit during an upload', async () => {
  const daemon = startSotto(['daemon', 'run', '--idle-exit', '0.05'], { home: home.folder });
  await until(() => isListening(home.paths.socket));
  const socket = await open({ path: home.paths.socket });
  const answer = all(socket);
  const body = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--b--\r\n';
  socket.write(
    requestOf('POST /v1/audio/transcriptions HTTP/1.1', [
      ['Host', 'localhost'],
      ['Content-Type', 'multipart/form-data; boundary=b'],
      ['Content-Length', String(body.length)],
    ]),
  );
  for (const letter of body.match(/.{1,4}/gs) ?? []) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    socket.write(letter);
  }
  // The form lacks its file; that it was parsed is what counts.
  expect((await answer).status).toBe(400);
  expect(await daemon.done).toMatchObject({ code: 0 });
});

describe('sotto token rotate', () => {
  test('invalidates the old one at once', async () => {
    await run('serve', '--port', '0');
    const before = found();
    const { code, stdout } = await run('token', 'rotate');
    expect([code, stdout]).toEqual([0, `${found().token}\n`]);
    expect([await get('/metrics', before), await get('/metrics', found())]).toEqual([401, 200]);
  });

  test('fails if the daemon can’t create one', async () => {
    await run('daemon', 'start');
    mkdirSync(home.paths.token);
    expect(await run('token', 'rotate')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining(`${home.paths.token} can't be written`) as unknown,
    });
  });

  test('works without a daemon, and starts none', async () => {
    const before = (await run('token', 'show')).stdout;
    expect(before).toMatch(/^sotto_[\w-]{43}\n$/);
    expect((await run('token', 'rotate')).stdout).not.toBe(before);
    expect(await daemonStatus(home.paths)).toBeUndefined();
  });
});
