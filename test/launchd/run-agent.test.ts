import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { daemonRunAgent } from '#daemon/cli/daemon/daemon-actions.js';
import { daemonStatus } from '#test/harness/daemon-status.js';
import { withHome } from '#test/harness/with-home.js';
import { fakeEngine, sotto, startSotto } from '#test/harness/run-sotto.js';
import { until } from '#test/harness/wait.js';

const home = withHome();

describe('the daemon as the login agent runs it', () => {
  test('stops when it gets SIGTERM during its start', async () => {
    process.env.SOTTO_ENGINE = fakeEngine;
    const before = new Set(process.listeners('SIGTERM'));
    const done = daemonRunAgent(home.paths, undefined);
    const own = process.listeners('SIGTERM').filter((listener) => !before.has(listener));
    for (const listener of own) listener('SIGTERM');
    expect(await done).toBe(0);
    delete process.env.SOTTO_ENGINE;
  });

  test('exits with success and a message if it may not write its home', async () => {
    const forbidden = process.platform === 'darwin' ? '/System/sotto' : '/sys/sotto';
    const { code, stderr } = await sotto(['daemon', 'run', '--agent'], { home: forbidden });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/sotto: .*(not permitted|read-only|denied)/)]);
  });

  test('asks a daemon of another protocol to stop once, and waits', async () => {
    const signals = join(home.folder, 'signals');
    const script = `
      process.on('SIGTERM', () => require('fs').appendFileSync(process.argv[1], 'x'));
      require('fs').writeFileSync(process.argv[1], '');
      setInterval(() => {}, 1000);`;
    const old = spawn(process.execPath, ['-e', script, signals], { stdio: 'ignore' });
    await until(() => existsSync(signals));
    const http = createServer();
    const ws = new WebSocketServer({ server: http });
    ws.on('connection', (socket) =>
      socket.on('message', () =>
        socket.send(JSON.stringify({ type: 'hello', protocol: 99, version: '9.9.9', pid: old.pid })),
      ),
    );
    await new Promise<void>((resolve) => http.listen(home.paths.socket, resolve));
    const agent = startSotto(['daemon', 'run', '--agent'], { home: home.folder });
    await until(() => readFileSync(signals, 'utf8') !== '');
    await sleep(3_000);
    expect(readFileSync(signals, 'utf8')).toBe('x');
    old.kill('SIGKILL');
    for (const socket of ws.clients) socket.terminate();
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
    await until(async () => (await daemonStatus(home.paths))?.pid === agent.pid);
  });
});
