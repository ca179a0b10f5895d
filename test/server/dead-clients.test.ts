/** Clients that vanish without closing their connection must not be kept forever. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { silentLog } from '#daemon/logger.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { SottoServer } from '#daemon/server/server.js';
import { PONG_TIMEOUT_MS, PING_INTERVAL_MS } from '#daemon/server/websocket.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

let home: TempHome;
let clock: VirtualClock;
let server: SottoServer;
const clients: WebSocket[] = [];

beforeEach(async () => {
  home = tempHome();
  clock = new VirtualClock();
  const resolveModel = () => ({ name: 'fake', dir: '/m' });
  const common = { engine: new InProcessLive(), clock, log: silentLog, resolveModel };
  const sessions = new JobScheduler(common);
  server = await SottoServer.listen({
    socketPath: home.paths.socket,
    sessions,
    live: new LiveSessions({ ...common, folder: home.folder, keep: () => Promise.resolve(undefined) }),
    models: idleModelService(home.paths),
    history: noHistory,
    vocabulary: noVocabulary,
    files: new FileQueue({ sessions, clock }),
    clock,
    log: silentLog,
    status: () => {
      throw new Error('unexpected request');
    },
    shutdown: () => undefined,
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate();
  await server.close();
  home.remove();
});

/** A client that sends `hello`; `answers`: whether it answers pings. */
async function client(answers: boolean): Promise<WebSocket> {
  const socket = new WebSocket('ws://localhost/ws', {
    createConnection: () => connect(home.paths.socket),
    autoPong: answers,
  });
  clients.push(socket);
  await new Promise((resolve) => socket.once('open', resolve));
  const greeted = new Promise((resolve) => socket.once('message', resolve));
  const hello = { type: 'hello', protocol: PROTOCOL_VERSION, client: { name: 'test', version: '0' } };
  socket.send(JSON.stringify(hello));
  await greeted;
  return socket;
}

describe('a client that does not answer pings', () => {
  test('is disconnected, and one that answers is not', async () => {
    const [dead, alive] = [await client(false), await client(true)];
    let pings = 0;
    alive.on('ping', () => (pings += 1));
    // One more ping than needed, so that the connection is closed before the other client answers the last one.
    const beats = Math.ceil(PONG_TIMEOUT_MS / PING_INTERVAL_MS) + 2;
    for (let beat = 1; beat <= beats; beat++) {
      clock.advance(PING_INTERVAL_MS);
      await until(() => pings >= beat);
      // The daemon has received the pong by then, because the status comes after it.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.connections).toBe(1);
    await until(() => dead.readyState === WebSocket.CLOSED);
    expect(alive.readyState).toBe(WebSocket.OPEN);
  });

  test('is not disconnected after the machine was suspended', async () => {
    const dead = await client(false);
    let pings = 0;
    dead.on('ping', () => (pings += 1));
    clock.jump(10 * PONG_TIMEOUT_MS);
    await until(() => pings === 1);
    expect(server.connections).toBe(1);
  });
});
