import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { SottoClient } from '#daemon/client/index.js';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { isListening } from '#daemon/server/probe.js';
import { writeFakeAudio } from '#test/harness/fake-audio.js';
import { withHome } from '#test/harness/with-home.js';
import { sotto, startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { startUnresponsiveDaemon } from '#test/harness/unresponsive-daemon.js';
import { isRunning, until } from '#test/harness/wait.js';

const home = withHome();

function start(args: string[] = [], env: Record<string, string> = {}): SottoProcess {
  return startSotto(['daemon', 'run', ...args], { home: home.folder, env });
}

function run(...args: string[]) {
  return sotto(args, { home: home.folder });
}

async function queryStatus(): Promise<DaemonStatus> {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  const status = await client.status();
  client.close();
  return status;
}

async function running(): Promise<DaemonStatus> {
  await until(() => isListening(home.paths.socket));
  let status: DaemonStatus | undefined;
  await until(async () => (status = await queryStatus().catch(() => undefined))?.engine.pid !== undefined);
  if (status === undefined) throw new Error('no daemon');
  return status;
}

describe('sotto daemon', () => {
  test('exactly one of twenty that start at once stays', async () => {
    const daemons = Array.from({ length: 20 }, () => start());
    let over = 0;
    for (const daemon of daemons) void daemon.done.then(() => (over += 1));
    await until(() => over === 19);
    const { pid } = await running();
    expect(daemons.map((daemon) => daemon.pid)).toContain(pid);
    const losers = await Promise.all(
      daemons.filter((daemon) => daemon.pid !== pid).map((daemon) => daemon.done),
    );
    for (const { code, stderr } of losers) {
      expect(code).toBe(3);
      expect(stderr).toMatch(/^sotto: .*(running|started|listens|appeared).*\n$/);
    }
  });

  test('start, status and stop, each twice', async () => {
    expect(await run('daemon', 'status')).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('The daemon isn’t running') as unknown,
    });
    const first = await run('daemon', 'start');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^Daemon started \(pid \d+\), model fake ready\.\n$/);
    expect((await run('daemon', 'start')).stdout).toMatch(/^Daemon already running/);
    const shown = await run('daemon', 'status');
    expect(shown.stdout).toContain('is ready');
    expect(
      shown.stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(' ')[0]),
    ).toEqual(['daemon', 'model', 'dictations', 'files', 'memory']);
    const verbose = await run('daemon', 'status', '--verbose');
    for (const part of ['is ready', 'fake', 'restarts', home.paths.socket, home.paths.log]) {
      expect(verbose.stdout).toContain(part);
    }
    expect((await run('status')).stdout).toContain('is ready');
    expect((await run('ps')).stdout).toContain('is ready');
    const status = JSON.parse((await run('daemon', 'status', '--json')).stdout) as DaemonStatus;
    expect(status).toMatchObject({
      state: 'ready',
      engine: { restarts: 0, model: { name: 'fake', state: 'ready' } },
    });
    expect(await run('daemon', 'stop')).toMatchObject({ code: 0 });
    expect([isRunning(status.pid), existsSync(home.paths.socket)]).toEqual([false, false]);
    expect(await run('daemon', 'stop')).toMatchObject({ code: 0, stdout: 'The daemon isn’t running.\n' });
  });

  test('is stopped by a signal if it does not answer', async () => {
    const mute = await startUnresponsiveDaemon(home.paths);
    expect(await run('daemon', 'stop')).toMatchObject({
      code: 0,
      stdout: `Daemon stopped (pid ${mute.pid}).\n`,
    });
    await mute.ended;
  });

  test('recreates its socket file when that was removed, and no second one starts meanwhile', async () => {
    const daemon = start();
    const { pid } = await running();
    unlinkSync(home.paths.socket);
    const second = await start().done;
    expect([second.code, second.stderr]).toEqual([
      3,
      expect.stringMatching(`already running \\(pid ${pid}\\)`),
    ]);
    expect((await queryStatus()).pid).toBe(pid);
    unlinkSync(home.paths.socket);
    const { code, stdout } = await run('daemon', 'status', '--json');
    expect([code, (JSON.parse(stdout) as DaemonStatus).pid]).toEqual([0, pid]);
    // A command that would start one uses the running one.
    unlinkSync(home.paths.socket);
    expect(await run('daemon', 'start')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(`already running \\(pid ${pid}\\)`) as unknown,
    });
    // And it can be stopped in that state.
    unlinkSync(home.paths.socket);
    expect((await run('daemon', 'stop')).stdout).toBe(`Daemon stopped (pid ${pid}).\n`);
    expect((await daemon.done).code).toBe(0);
    expect(existsSync(home.paths.socket)).toBe(false);
  });

  test('once stopped is not replaced by one that a command started in vain', async () => {
    const daemon = start();
    const { pid } = await running();
    unlinkSync(home.paths.socket);
    // The daemon that `start` launches sleeps before its first line, as on a busy machine.
    const preload = join(home.folder, 'sleep.cjs');
    const late = join(home.folder, 'late.pid');
    writeFileSync(
      preload,
      `if (process.argv.includes('run')) {
        require('fs').writeFileSync(${JSON.stringify(late)}, String(process.pid));
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6000);
      }`,
    );
    const env = { NODE_OPTIONS: `--require "${preload}"` };
    const found = await sotto(['daemon', 'start'], { home: home.folder, env });
    expect(found).toMatchObject({ code: 0, stdout: `Daemon already running (pid ${pid}).\n` });
    // On a busy machine it may write its id after `start` has found the other one.
    await until(() => existsSync(late) && readFileSync(late, 'utf8') !== '');
    const latePid = Number(readFileSync(late, 'utf8'));
    expect(latePid).toBeGreaterThan(0);
    expect((await run('daemon', 'stop')).stdout).toBe(`Daemon stopped (pid ${pid}).\n`);
    expect((await daemon.done).code).toBe(0);
    await until(() => !isRunning(latePid));
    expect(existsSync(home.paths.socket)).toBe(false);
  });

  test('exits if its folder was removed, and creates nothing there again', async () => {
    const daemon = start();
    await running();
    rmSync(home.folder, { recursive: true });
    expect((await daemon.done).code).toBe(0);
    expect(existsSync(home.folder)).toBe(false);
  });

  test('writes its files for the user only', async () => {
    start();
    await running();
    expect(lstatSync(home.paths.socket).mode & 0o777).toBe(0o600);
    expect(lstatSync(home.paths.log).mode & 0o777).toBe(0o600);
    expect(lstatSync(home.folder).mode & 0o777).toBe(0o700);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s shuts it down cleanly: engine, socket and all',
    async (signal) => {
      const daemon = start();
      const { engine } = await running();
      daemon.kill(signal);
      expect(await daemon.done).toMatchObject({ code: 0, stderr: '' });
      expect([existsSync(home.paths.socket), isRunning(engine.pid ?? -1)]).toEqual([false, false]);
    },
  );

  test('takes its engine with it when killed, and the next one replaces it', async () => {
    const first = start();
    const { engine } = await running();
    first.kill('SIGKILL');
    await first.done;
    await until(() => !isRunning(engine.pid ?? -1));
    expect(existsSync(home.paths.socket)).toBe(true);
    const second = start();
    await until(async () => (await queryStatus().catch(() => undefined))?.pid === second.pid);
  });

  test('lets a running file finish in time when it is stopped', async () => {
    const daemon = start();
    await running();
    const work = sotto(
      ['transcribe', writeFakeAudio(join(home.folder, 'a.wav'), { segments: 40, delayMs: 50 })],
      {
        home: home.folder,
      },
    );
    await until(async () => (await queryStatus()).queue.running === 1);
    daemon.kill('SIGTERM');
    expect(await work).toMatchObject({ code: 0, stderr: '' });
    expect((await daemon.done).code).toBe(0);
  });

  test('exits when idle', async () => {
    const daemon = start(['--idle-exit', '0.01']);
    expect(await daemon.done).toMatchObject({ code: 0 });
    expect(existsSync(home.paths.socket)).toBe(false);
  });

  test('stays up and reports what is wrong when its engine can not start', async () => {
    start([], { FAKE_ENGINE: 'cannot-start' });
    await until(() => isListening(home.paths.socket));
    await until(async () => (await queryStatus()).state === 'degraded');
    expect(await queryStatus()).toMatchObject({
      reason: expect.stringContaining('there is no addon') as unknown,
    });
    expect((await run('daemon', 'status')).stdout).toContain('is degraded');
  });

  test('stays up and reports what is wrong when its model is missing', async () => {
    rmSync(join(home.paths.models, 'fake'), { recursive: true });
    start();
    await until(() => isListening(home.paths.socket));
    await until(async () => (await queryStatus()).state === 'degraded');
    expect((await queryStatus()).reason).toMatch(/no model named fake/);
  });

  test('reports what is wrong with its settings, and where they are', async () => {
    writeFileSync(home.paths.settings, '{"model":');
    const { code, stderr } = await run('daemon', 'run');
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^sotto: ${home.paths.settings} is not valid: .+ — `));
  });

  test('started in the background, reports why it could not start', async () => {
    mkdirSync(home.paths.socket);
    const { code, stderr } = await run('daemon', 'start');
    expect(code).toBe(3);
    expect(stderr).toMatch(/couldn’t be started: .*is a folder, not the socket/);
    rmSync(home.paths.socket, { recursive: true });
  });

  test('reports which folder makes the path of its socket too long', async () => {
    const long = join(home.folder, 'x'.repeat(90));
    const { code, stderr } = await sotto(['daemon', 'run'], { home: long });
    expect(code).toBe(2);
    expect(stderr).toMatch(/bytes.*SOTTO_HOME/);
  });

  test('of another protocol version is reported with what to do', async () => {
    const http = createServer();
    const ws = new WebSocketServer({ server: http });
    ws.on('connection', (socket) =>
      socket.on('message', () =>
        socket.send(JSON.stringify({ type: 'hello', protocol: 99, version: '9.9.9', pid: 1 })),
      ),
    );
    await new Promise<void>((resolve) => http.listen(home.paths.socket, resolve));
    const { code, stderr } = await run('transcribe', writeFakeAudio(join(home.folder, 'a.wav')));
    expect(code).toBe(3);
    expect(stderr).toMatch(/version 9\.9\.9 with protocol 99.*sotto daemon stop/);
    for (const socket of ws.clients) socket.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });

  test('logs what the engine prints', async () => {
    start();
    await running();
    await until(() => readFileSync(home.paths.log, 'utf8').includes('fake engine says hello'));
  });
});
