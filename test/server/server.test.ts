import { connect } from 'node:net';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { SottoClient } from '#daemon/client/index.js';
import type { JobEvent } from '#daemon/protocol/messages.js';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';

let home: TempHome;
let supervisor: Supervisor;
let sessions: JobScheduler;
let live: LiveSessions;
let server: SottoServer;
let shutdowns: number;
let shutdown: () => void;

beforeEach(async () => {
  home = tempHome();
  shutdowns = 0;
  shutdown = () => (shutdowns += 1);
  supervisor = new Supervisor({ command: { modulePath: fakeEngine }, clock: systemClock, log: silentLog });
  sessions = new JobScheduler({
    engine: supervisor,
    clock: systemClock,
    log: silentLog,
    resolveModel: (name) => ({ name: name ?? 'fake', dir: '/m' }),
  });
  live = new LiveSessions({
    engine: supervisor,
    clock: systemClock,
    log: silentLog,
    folder: home.folder,
    resolveModel: (name) => ({ name: name ?? 'fake', dir: '/m' }),
    keep: () => Promise.resolve(undefined),
  });
  server = await SottoServer.listen({
    socketPath: home.paths.socket,
    sessions,
    live,
    models: idleModelService(home.paths),
    history: noHistory,
    vocabulary: noVocabulary,
    files: new FileQueue({ sessions, clock: systemClock }),
    clock: systemClock,
    log: silentLog,
    status,
    shutdown: () => shutdown(),
  });
  supervisor.start();
});

afterEach(async () => {
  await server.close();
  await supervisor.stop();
  home.remove();
});

function status(): DaemonStatus {
  return {
    pid: process.pid,
    version: '0.0.0',
    uptimeSeconds: 1,
    state: 'ready',
    engine: supervisor.status(),
    queue: sessions.queueStatus(),
    dictations: live.count,
    connections: server.connections,
    rssBytes: 1,
    socket: home.paths.socket,
    log: '',
  };
}

function audio(script: Partial<FakeScript>): string {
  return writeFakeAudio(join(home.folder, `${Math.random()}.wav`), script);
}

function client(): Promise<SottoClient> {
  return SottoClient.connect(home.paths.socket, 'test');
}

async function collect(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function texts(events: readonly JobEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'segment' ? [event.segment.text] : []));
}

/** A raw WebSocket instead of Sotto's client. */
function raw(headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket('ws://localhost/ws', {
    createConnection: () => connect(home.paths.socket),
    headers,
    perMessageDeflate: false,
  });
  socket.on('error', () => undefined);
  return socket;
}

const hello = JSON.stringify({
  type: 'hello',
  protocol: PROTOCOL_VERSION,
  client: { name: 't', version: '0' },
});

function greeted(): Promise<WebSocket> {
  const socket = raw();
  socket.on('open', () => socket.send(hello));
  return new Promise((resolve) => socket.once('message', () => resolve(socket)));
}

function next(socket: WebSocket): Promise<Record<string, unknown>> {
  return new Promise((resolve) =>
    socket.once('message', (data: Buffer) => resolve(JSON.parse(data.toString()) as Record<string, unknown>)),
  );
}

function closed(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', (code) => resolve(code)));
}

function http(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request(
      { socketPath: home.paths.socket, path, headers: { host: 'localhost', ...headers } },
      (answer) => {
        let text = '';
        answer.on('data', (part: Buffer) => (text += part.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text) }));
      },
    );
    call.on('error', reject);
    call.end();
  });
}

describe('a job over the socket', () => {
  test('sends segments as they arrive, then one final', async () => {
    const one = await client();
    const events = await collect(one.transcribe(audio({ segments: 3, texts: 2 })));
    expect(texts(events)).toEqual(scriptedTexts(3));
    expect(events.filter(({ type }) => type === 'final')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({
      type: 'final',
      summary: { segments: 3, model: 'fake', language: 'en' },
    });
    one.close();
  });

  test('continues on a new engine if one dies, and repeats nothing', async () => {
    const one = await client();
    const events = await collect(one.transcribe(audio({ segments: 5, dieAfter: 3 })));
    expect(texts(events)).toEqual(scriptedTexts(5));
    expect(events.flatMap((event) => (event.type === 'started' ? [event.attempt] : []))).toEqual([1, 2]);
    one.close();
  });

  test('fails with a code if it crashes two engines', async () => {
    const one = await client();
    const events = collect(one.transcribe(audio({ segments: 5, dieAfter: 3, dieTimes: 9 })));
    await expect(events).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
    expect(texts(await collect(one.transcribe(audio({ segments: 1 }))))).toEqual(scriptedTexts(1));
    one.close();
  });

  test('is cancelled when its signal is aborted, and frees the engine', async () => {
    const one = await client();
    const controller = new AbortController();
    const received: JobEvent[] = [];
    const work = async (): Promise<void> => {
      for await (const event of one.transcribe(
        audio({ segments: 100_000, delayMs: 1 }),
        {},
        { signal: controller.signal },
      )) {
        received.push(event);
        if (texts(received).length === 5) controller.abort();
      }
    };
    await expect(work()).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => sessions.isIdle);
    one.close();
  });

  test('is cancelled when its iteration ends or its client disconnects', async () => {
    const one = await client();
    for await (const event of one.transcribe(audio({ segments: 100_000, delayMs: 1 }))) {
      if (event.type === 'segment') break;
    }
    await until(() => sessions.isIdle);
    const two = await greeted();
    two.send(JSON.stringify({ type: 'transcribe', id: 'x', path: audio({ segments: 100_000, delayMs: 1 }) }));
    await until(() => !sessions.isIdle);
    two.terminate();
    await until(() => sessions.isIdle);
    expect(sessions.queueStatus()).toMatchObject({ cancelled: 2, failed: 0 });
    one.close();
  });

  test('does not wait for all files of another client', async () => {
    const [greedy, modest] = [await client(), await client()];
    const order: string[] = [];
    const jobs = Array.from({ length: 6 }, async (_, n) => {
      await collect(greedy.transcribe(audio({ segments: 5, delayMs: 5 })));
      order.push(`greedy ${n}`);
    });
    await until(() => sessions.queueStatus().queued === 5);
    await collect(modest.transcribe(audio({ segments: 1 })));
    order.push('modest');
    await Promise.all(jobs);
    expect(order.indexOf('modest')).toBeLessThanOrEqual(2);
    greedy.close();
    modest.close();
  });

  test('is refused with BUSY above the limit of one client', async () => {
    const socket = await greeted();
    const busy = new Promise((resolve) => {
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as { type: string; error?: { code: string } };
        if (message.type === 'error') resolve(message.error?.code);
      });
    });
    const path = audio({ segments: 100_000, delayMs: 5 });
    for (let n = 0; n < 65; n++) socket.send(JSON.stringify({ type: 'transcribe', id: `${n}`, path }));
    expect(await busy).toBe('BUSY');
    socket.terminate();
    await until(() => sessions.isIdle);
  });
});

describe('hello', () => {
  test('must come first', async () => {
    const socket = raw();
    socket.on('open', () => socket.send(JSON.stringify({ type: 'status', id: '1' })));
    expect(await next(socket)).toMatchObject({ type: 'error', id: '1', error: { code: 'PROTOCOL' } });
    expect(await closed(socket)).toBe(1008);
  });

  test('with another protocol gets the version of the daemon, and the connection is closed', async () => {
    const socket = raw();
    socket.on('open', () => socket.send(hello.replace(`"protocol":${PROTOCOL_VERSION}`, '"protocol":999')));
    const messages: unknown[] = [];
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    expect(await closed(socket)).toBe(1008);
    expect(messages).toMatchObject([
      { type: 'hello', protocol: PROTOCOL_VERSION, pid: process.pid },
      { type: 'error', error: { code: 'VERSION_MISMATCH' } },
    ]);
  });
});

describe('a client', () => {
  test.each([
    ['no JSON', 'hey', 'PROTOCOL', undefined],
    ['an unknown type', '{"type":"sing","id":"3"}', 'PROTOCOL', '3'],
    ['a relative path', '{"type":"transcribe","id":"4","path":"a.wav"}', 'INVALID_ARGUMENT', '4'],
  ])('that sends %s gets one coded error and stays connected', async (_, text, code, id) => {
    const socket = await greeted();
    socket.send(text);
    const answer = await next(socket);
    expect(answer).toMatchObject({ type: 'error', error: { code } });
    expect(answer.id).toBe(id);
    socket.send(JSON.stringify({ type: 'status', id: 's' }));
    expect(await next(socket)).toMatchObject({ type: 'status', id: 's' });
    socket.close();
  });

  test('that sends binary frames gets an error', async () => {
    const socket = await greeted();
    socket.send(Buffer.alloc(3_200));
    expect(await next(socket)).toMatchObject({ type: 'error', error: { code: 'PROTOCOL' } });
    socket.close();
  });

  test('that sends an audio frame of more than 256 KiB gets an error and stays connected', async () => {
    const socket = await greeted();
    socket.send(Buffer.alloc(256 * 1024 + 2));
    expect(await next(socket)).toMatchObject({ type: 'error', error: { code: 'PROTOCOL' } });
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
  });

  test('that sends more than 8 MiB, at once or in tiny fragments, is disconnected', async () => {
    const big = await greeted();
    big.send('x'.repeat(8 * 1024 * 1024 + 1));
    expect(await closed(big)).toBe(1009);
    const crumbs = await greeted();
    for (let n = 0; n < 40; n++) crumbs.send('x', { fin: false });
    expect(await closed(crumbs)).toBe(1008);
  });

  test('that requests much and reads nothing is disconnected, while others are served', async () => {
    const lazy = await greeted();
    lazy.pause();
    lazy.send(
      JSON.stringify({ type: 'transcribe', id: 'x', path: audio({ segments: 40_000, textLength: 2_000 }) }),
    );
    await until(() => sessions.queueStatus().running === 1);
    await until(() => sessions.queueStatus().cancelled === 1);
    const one = await client();
    expect(texts(await collect(one.transcribe(audio({ segments: 2 }))))).toEqual(scriptedTexts(2));
    one.close();
    lazy.terminate();
  });
});

describe('HTTP', () => {
  test('answers in JSON: 426 at the WebSocket, 404 elsewhere', async () => {
    expect(await http('/ws')).toMatchObject({ status: 426, body: { error: { code: 'UPGRADE_REQUIRED' } } });
    expect(await http('/v1/models')).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });

  test('refuses web pages over HTTP and WebSocket', async () => {
    const page = { origin: 'https://evil.example' };
    expect(await http('/ws', page)).toMatchObject({ status: 403, body: { error: { code: 'UNAUTHORIZED' } } });
    expect(await http('/ws', { host: 'evil.example' })).toMatchObject({ status: 403 });
    const socket = raw(page);
    const answer = new Promise((resolve) =>
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode)),
    );
    expect(await answer).toBe(403);
    expect(server.connections).toBe(0);
  });

  test('survives malformed requests', async () => {
    for (const bytes of [
      '\0\0\0',
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    ]) {
      const socket = connect(home.paths.socket);
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.on('error', () => undefined);
        socket.resume();
        socket.end(bytes);
      });
    }
    expect((await http('/')).status).toBe(404);
  });
});

describe('status and stop', () => {
  test('status answers while the engine is busy', async () => {
    const one = await client();
    const work = collect(one.transcribe(audio({ segments: 100_000, delayMs: 5 })));
    const ended = expect(work).rejects.toMatchObject({ code: 'DAEMON_LOST' });
    await until(() => sessions.queueStatus().running === 1);
    expect((await one.status()).queue).toMatchObject({ running: 1, queued: 0 });
    one.close();
    await ended;
  });

  test('stop resolves when the daemon has closed the connection', async () => {
    const one = await client();
    shutdown = () => {
      shutdowns += 1;
      void server.close();
    };
    await one.stop();
    expect(shutdowns).toBe(1);
    await expect(client()).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
  });

  test('refuses a second daemon while the first one listens', async () => {
    const second = SottoServer.listen({
      socketPath: home.paths.socket,
      sessions,
      live,
      models: idleModelService(home.paths),
      history: noHistory,
      vocabulary: noVocabulary,
      files: new FileQueue({ sessions, clock: systemClock }),
      clock: systemClock,
      log: silentLog,
      status,
      shutdown: () => undefined,
    });
    await expect(second).rejects.toMatchObject({ code: 'DAEMON_RUNNING' });
    const one = await client();
    one.close();
  });
});
