import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { encodeAudioFrame } from '#daemon/protocol/audio-frame.js';
import { parseDaemonMessage, type DaemonMessage } from '#daemon/protocol/messages.js';
import { PROTOCOL_VERSION } from '#daemon/protocol/version.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';

let home: TempHome;
let engine: InProcessLive;
let live: LiveSessions;
let server: SottoServer;
const clients: Raw[] = [];

beforeEach(async () => {
  home = tempHome();
  engine = new InProcessLive();
  const resolveModel = () => ({ name: 'fake', dir: '/m' });
  const common = { engine, clock: systemClock, log: silentLog, resolveModel };
  const keep = () => Promise.resolve(undefined);
  live = new LiveSessions({ ...common, folder: home.folder, keep });
  const sessions = new JobScheduler(common);
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
    status: () => {
      throw new Error('unexpected request');
    },
    shutdown: () => undefined,
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate();
  await live.stop(0);
  await server.close();
  home.remove();
});

/** A raw client: sends and receives unmodified messages. */
class Raw {
  readonly received: DaemonMessage[] = [];

  readonly socket = new WebSocket('ws://localhost/ws', {
    createConnection: () => connect(home.paths.socket),
    perMessageDeflate: false,
  });

  constructor() {
    clients.push(this);
    this.socket.on('message', (data) => this.received.push(parseDaemonMessage((data as Buffer).toString())));
    this.socket.on('error', () => undefined);
    const client = { name: 'raw', version: '0' };
    this.socket.on('open', () => this.send({ type: 'hello', protocol: PROTOCOL_VERSION, client }));
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  audio(channel: number, from: number, to: number): void {
    const pcm = new Uint8Array(ramp(from, to).buffer);
    this.socket.send(encodeAudioFrame({ channel, firstSample: from, pcm }));
  }

  async next<T extends DaemonMessage['type']>(type: T): Promise<Extract<DaemonMessage, { type: T }>> {
    const found = (): DaemonMessage | undefined => this.received.find((message) => message.type === type);
    await until(() => found() !== undefined);
    const message = found() as Extract<DaemonMessage, { type: T }>;
    this.received.splice(this.received.indexOf(message), 1);
    return message;
  }

  async open(id: string): Promise<number> {
    await this.next('hello');
    this.send({ type: 'open', id });
    return (await this.next('opened')).channel;
  }

  /** Committed text received so far. */
  get committed(): string {
    return this.received
      .map((one) => (one.type === 'live' && one.event.type === 'committed' ? one.event.text : ''))
      .join('');
  }

  get seq(): number {
    return Math.max(0, ...this.received.map((one) => (one.type === 'live' ? (one.seq ?? 0) : 0)));
  }

  get final(): unknown {
    return this.received.find((one) => one.type === 'live' && one.event.type === 'final');
  }
}

describe('dictation over the socket', () => {
  test('closes the old channel of a session that is resumed over the same connection', async () => {
    const client = new Raw();
    const first = await client.open('one');
    client.send({ type: 'resume', id: 'one', seq: 0 });
    const { channel } = await client.next('opened');
    expect(channel).not.toBe(first);
    client.audio(first, 0, SECOND);
    client.audio(channel, 0, 100);
    expect((await client.next('acknowledged')).samples).toBe(100);
  });

  test('acknowledges what is on disk, commits words, and ends with the whole text', async () => {
    const client = new Raw();
    const channel = await client.open('one');
    for (let at = 0; at < 2.5 * SECOND; at += 1600) client.audio(channel, at, at + 1600);
    client.send({ type: 'finish', id: 'one', samples: 2.5 * SECOND });
    await until(() => client.final !== undefined);
    expect(client.final).toMatchObject({ id: 'one', event: { text: rampText(2.5 * SECOND), model: 'fake' } });
    expect(client.committed).toBe(rampText(2.5 * SECOND));
    const acknowledged = client.received.flatMap((one) => (one.type === 'acknowledged' ? [one.samples] : []));
    expect(acknowledged.at(-1)).toBe(2.5 * SECOND);
    const numbers = client.received.flatMap((one) => (one.type === 'live' && one.seq ? [one.seq] : []));
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });

  test('resumes over another connection from the last received number', async () => {
    const first = new Raw();
    const channel = await first.open('one');
    first.audio(channel, 0, 1.8 * SECOND);
    await until(() => first.committed !== '');
    first.socket.terminate();
    const second = new Raw();
    await second.next('hello');
    second.send({ type: 'resume', id: 'one', seq: first.seq });
    const opened = await second.next('opened');
    expect(opened.acknowledged).toBe(1.8 * SECOND);
    second.audio(opened.channel, opened.acknowledged, 2.5 * SECOND);
    second.send({ type: 'finish', id: 'one', samples: 2.5 * SECOND });
    await until(() => second.final !== undefined);
    expect(first.committed + second.committed).toBe(rampText(2.5 * SECOND));
  });

  test('keeps several sessions of one connection apart', async () => {
    const client = new Raw();
    const one = await client.open('one');
    client.send({ type: 'open', id: 'two' });
    const two = (await client.next('opened')).channel;
    expect(two).not.toBe(one);
    client.audio(one, 0, SECOND);
    client.audio(two, 0, 2 * SECOND);
    client.send({ type: 'finish', id: 'one', samples: SECOND });
    client.send({ type: 'finish', id: 'two', samples: 2 * SECOND });
    const finals = (): string[] =>
      client.received.flatMap((m) =>
        m.type === 'live' && m.event.type === 'final' ? [`${m.id} ${m.event.text}`] : [],
      );
    await until(() => finals().length === 2);
    expect(finals().sort()).toEqual([`one ${rampText(SECOND)}`, `two ${rampText(2 * SECOND)}`].sort());
  });

  test.each([
    ['an unknown session', { type: 'resume', id: 'none', seq: 0 }, 'SESSION_NOT_FOUND'],
    ['finish of a session that is not open', { type: 'finish', id: 'none', samples: 0 }, 'SESSION_NOT_FOUND'],
    ['an invalid id', { type: 'open', id: '../up' }, 'INVALID_ARGUMENT'],
    ['a second session with the same id', { type: 'open', id: 'one' }, 'INVALID_ARGUMENT'],
    ['invalid options', { type: 'open', id: 'two', options: { refine: 'much' } }, 'INVALID_ARGUMENT'],
  ])('refuses %s', async (_, message, code) => {
    const client = new Raw();
    await client.open('one');
    client.send(message);
    expect((await client.next('error')).error.code).toBe(code);
  });

  test('refuses audio with a gap, without a channel, or with half a sample, and continues', async () => {
    const client = new Raw();
    const channel = await client.open('one');
    client.audio(channel, 1600, 3200);
    expect(await client.next('error')).toMatchObject({ id: 'one', error: { code: 'PROTOCOL' } });
    client.audio(channel + 7, 0, 1600);
    expect((await client.next('error')).error.code).toBe('PROTOCOL');
    client.socket.send(Buffer.alloc(13));
    expect((await client.next('error')).error.code).toBe('PROTOCOL');
    client.audio(channel, 0, SECOND);
    await until(() => client.committed === rampText(SECOND));
  });

  test('leaves nothing after a cancel, and ignores audio in transit', async () => {
    const client = new Raw();
    const channel = await client.open('one');
    client.audio(channel, 0, SECOND);
    client.send({ type: 'cancel', id: 'one' });
    client.audio(channel, SECOND, 2 * SECOND);
    await until(() => client.received.some((one) => one.type === 'live' && one.event.type === 'cancelled'));
    client.send({ type: 'cancel', id: 'one' });
    client.send({ type: 'resume', id: 'never', seq: 0 });
    await client.next('error');
    expect(client.received.filter(({ type }) => type === 'error')).toEqual([]);
    await live.stop(0);
    expect(readdirSync(home.folder).filter((name) => /spool|said|events/.test(name))).toEqual([]);
  });

  test('finishes the session of a disconnected client within two seconds', async () => {
    const client = new Raw();
    const channel = await client.open('one');
    client.audio(channel, 0, SECOND);
    await until(() => client.committed !== '');
    client.socket.terminate();
    const closedMs = performance.now();
    await until(() => live.isIdle);
    // The grace period of a second plus the engine's last decode step.
    expect(performance.now() - closedMs).toBeGreaterThan(900);
    expect(existsSync(`${home.folder}/one.spool`)).toBe(true);
  });
});
