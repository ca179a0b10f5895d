/** Clients of a daemon that can't open files, over a real socket. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isFileOver, SottoClient, type FileJob } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import type { JobEvent } from '#daemon/protocol/messages.js';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import type { ModelService } from '#daemon/sessions/models/model-service.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { ProcessFileAccess, type TryOpen } from '#daemon/supervisor/file-access.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { ReadingEngine } from '#test/harness/reading-engine.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { accelerateClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

let home: TempHome;
let server: SottoServer;
let engine: ReadingEngine;
const clients: SottoClient[] = [];

/** Fakes how the daemon opens a file, by the name of the file. */
const tryOpen: TryOpen = (path, signal) => {
  if (path.includes('denied')) return Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }));
  if (!path.includes('hangs')) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
};

beforeEach(async () => {
  home = tempHome();
  mkdirSync(home.paths.uploads, { recursive: true });
  engine = new ReadingEngine();
  const clock = accelerateClock(20);
  const resolveModel = () => ({ name: 'fake', dir: '/m' });
  const sessions = new JobScheduler({
    ...{ engine, clock, log: silentLog, resolveModel },
    access: new ProcessFileAccess({ clock, uploads: home.paths.uploads, tryOpen }),
  });
  const live = new LiveSessions({
    ...{ engine: new InProcessLive(), clock: systemClock, log: silentLog, resolveModel },
    ...{ folder: home.folder, keep: () => Promise.resolve(undefined) },
  });
  server = await SottoServer.listen({
    ...{ socketPath: home.paths.socket, sessions, live, history: noHistory, vocabulary: noVocabulary },
    models: {} as ModelService,
    files: new FileQueue({ sessions, clock: systemClock }),
    ...{ clock: systemClock, log: silentLog, uploads: home.paths.uploads },
    status: () => ({}) as DaemonStatus,
    shutdown: () => undefined,
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
  home.remove();
});

async function connect(): Promise<SottoClient> {
  const client = await SottoClient.connect(home.paths.socket, 'test');
  clients.push(client);
  return client;
}

function file(name: string, text = `text of ${name}`): string {
  writeFileSync(join(home.folder, name), text);
  return join(home.folder, name);
}

const copies = (): string[] => readdirSync(home.paths.uploads);
const textOf = (events: readonly JobEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'segment' ? [event.segment.text] : []));

async function all(client: SottoClient, path: string): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of client.transcribe(path)) events.push(event);
  return events;
}

describe('transcribe', () => {
  test.each(['denied.wav', 'hangs.wav'])(
    'gives the text of %s from a copy, which is deleted afterwards',
    async (name) => {
      const events = await all(await connect(), file(name));
      expect(textOf(events)).toEqual([`text of ${name}`]);
      expect(events).toContainEqual(expect.objectContaining({ type: 'waiting', for: 'file' }));
      expect(engine.paths[0]?.startsWith(home.paths.uploads)).toBe(true);
      await until(() => copies().length === 0);
    },
  );

  test('transcribes a file while another one hangs', async () => {
    const client = await connect();
    const release = engine.hold();
    const texts: string[] = [];
    const both = Promise.all(
      ['hangs.wav', 'talk.wav'].map(async (name) => texts.push(...textOf(await all(client, file(name))))),
    );
    await until(() => engine.paths.length === 1);
    expect(engine.paths[0]).toBe(join(home.folder, 'talk.wav'));
    release();
    await both;
    expect(texts).toEqual(['text of talk.wav', 'text of hangs.wav']);
  });

  test('reports the client’s error if the client can’t read the file either', async () => {
    const client = await connect();
    await expect(all(client, join(home.folder, 'denied-and-gone.wav'))).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
    });
    mkdirSync(join(home.folder, 'denied'));
    await expect(all(client, join(home.folder, 'denied'))).rejects.toMatchObject({
      code: 'AUDIO_UNREADABLE',
      message: expect.stringContaining('is not a regular file') as unknown,
    });
    expect(copies()).toEqual([]);
    expect(textOf(await all(client, file('talk.wav')))).toEqual(['text of talk.wav']);
  });

  test('deletes the copy after a cancel or a disconnect', async () => {
    engine.hold();
    const client = await connect();
    const stop = new AbortController();
    const cancelled = (async () => {
      for await (const _ of client.transcribe(file('denied.wav'), {}, { signal: stop.signal }));
    })();
    const lost = all(await connect(), file('denied-too.wav'));
    await until(() => engine.paths.length === 1 && copies().length === 2);
    stop.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' });
    clients[1]?.close();
    await expect(lost).rejects.toMatchObject({ code: 'DAEMON_LOST' });
    await until(() => copies().length === 0);
  });
});

describe('the file queue', () => {
  test('waits for a client that can read a file, and continues after it disconnected', async () => {
    const release = engine.hold();
    const adding = await connect();
    const paths = ['denied.wav', 'hangs.wav'].map((name) => file(name));
    await adding.files.add(paths);
    adding.close();
    const seen: string[] = [];
    const watching = await connect();
    let files: readonly FileJob[] = [];
    for await (const now of watching.files.watch()) {
      seen.push(...now.flatMap(({ waitsFor }) => waitsFor ?? []));
      if (now.every(({ waitsFor }) => waitsFor === undefined) && copies().length === 2) break;
    }
    expect(seen).toContain('file');
    watching.close();
    release();
    const last = await connect();
    for await (const now of last.files.watch()) {
      files = now;
      if (now.every(isFileOver)) break;
    }
    expect(files.map(({ path, state }) => [path, state])).toEqual(paths.map((path) => [path, 'final']));
    const texts = await Promise.all(files.map(({ id }) => last.files.get(id)));
    expect(texts.map(({ segments }) => segments.map(({ text }) => text))).toEqual([
      ['text of denied.wav'],
      ['text of hangs.wav'],
    ]);
    await until(() => copies().length === 0);
  });

  test('fails a file with the error of the client that can’t read it', async () => {
    const client = await connect();
    await client.files.add([join(home.folder, 'denied-and-gone.wav')]);
    for await (const [only] of client.files.watch()) {
      if (only?.state !== 'failed') continue;
      expect(only.error?.code).toBe('AUDIO_NOT_FOUND');
      break;
    }
    expect(copies()).toEqual([]);
  });
});
