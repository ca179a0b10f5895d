import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isFileOver, SottoClient } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { silentLog } from '#daemon/logger.js';
import { FILE_LIMITS, type FileJob } from '#daemon/protocol/files.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { scriptedTexts, writeFakeAudio, type FakeScript } from '#test/harness/fake-audio.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

let home: TempHome;
let supervisor: Supervisor;
let server: SottoServer;
let idles: boolean[];

beforeEach(async () => {
  home = tempHome();
  idles = [];
  const common = {
    clock: systemClock,
    log: silentLog,
    resolveModel: (name: string | undefined) => ({ name: name ?? 'fake', dir: '/m' }),
  };
  supervisor = new Supervisor({ ...common, command: { modulePath: fakeEngine } });
  const sessions = new JobScheduler({ ...common, engine: supervisor });
  const files = new FileQueue({ sessions, clock: systemClock, onIdleChange: (idle) => idles.push(idle) });
  const keep = () => Promise.resolve(undefined);
  server = await SottoServer.listen({
    ...common,
    socketPath: home.paths.socket,
    sessions,
    files,
    live: new LiveSessions({ ...common, engine: supervisor, folder: home.folder, keep }),
    models: idleModelService(home.paths),
    history: noHistory,
    vocabulary: noVocabulary,
    status: () => {
      throw new Error('unexpected request');
    },
    shutdown: () => undefined,
  });
  supervisor.start();
});

afterEach(async () => {
  await server.close();
  await supervisor.stop();
  home.remove();
});

function client(): Promise<SottoClient> {
  return SottoClient.connect(home.paths.socket, 'test');
}

function audio(name: string, script: Partial<FakeScript>): string {
  return writeFakeAudio(join(home.folder, name), script);
}

/** Watches until the condition is true. @returns all states of the files until then */
async function watch(
  one: SottoClient,
  isDone: (files: readonly FileJob[]) => boolean,
): Promise<(readonly FileJob[])[]> {
  const snapshots: (readonly FileJob[])[] = [];
  for await (const files of one.files.watch()) {
    snapshots.push(files);
    if (isDone(files)) return snapshots;
  }
  return snapshots;
}

const areFinished = (files: readonly FileJob[]): boolean => files.length > 0 && files.every(isFileOver);

describe('the file queue', () => {
  test('transcribes files in order and returns all text', async () => {
    const one = await client();
    const paths = ['a.wav', 'b.wav', 'c.wav'].map((name, at) => audio(name, { segments: 2 + at }));
    const added = await one.files.add(paths, { options: { language: 'en' } });
    expect(added.map(({ path, state }) => ({ path, state }))).toEqual(
      paths.map((path) => ({ path, state: 'queued' })),
    );
    const snapshots = await watch(one, areFinished);
    expect(snapshots.at(-1)?.map(({ state }) => state)).toEqual(['final', 'final', 'final']);
    for (const [at, { id }] of added.entries()) {
      const { file, segments } = await one.files.get(id);
      expect(segments.map(({ text }) => text)).toEqual(scriptedTexts(2 + at));
      expect(file.summary).toMatchObject({ model: 'fake', language: 'en', segments: 2 + at });
    }
    one.close();
  });

  test('continues after the client disconnected', async () => {
    const one = await client();
    const [added] = await one.files.add([audio('long.wav', { segments: 40, delayMs: 10 })]);
    one.close();
    const other = await client();
    const snapshots = await watch(other, areFinished);
    expect(snapshots[0]?.[0]?.id).toBe(added?.id);
    expect((await other.files.get(added?.id ?? '')).segments).toHaveLength(40);
    other.close();
  });

  test('reports progress: seconds and the end of the text', async () => {
    const one = await client();
    await one.files.add([audio('long.wav', { segments: 30, delayMs: 60, texts: 1 })]);
    const snapshots = (await watch(one, areFinished)).map(([file]) => file);
    const done = snapshots.map((file) => file?.doneSeconds ?? 0);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    const running = snapshots.filter((file) => file?.state === 'running');
    expect(running.some((file) => file?.tail?.includes(' segment 5') === true)).toBe(true);
    expect(snapshots.at(-1)).toMatchObject({ state: 'final', durationSeconds: 30, doneSeconds: 30 });
    expect(snapshots.at(-1)?.tail).toBeUndefined();
    one.close();
  });

  test('reports a failed file and continues with the next', async () => {
    const one = await client();
    await one.files.add([join(home.folder, 'missing.wav'), audio('fine.wav', { segments: 1 })]);
    const last = (await watch(one, areFinished)).at(-1);
    expect(last?.map(({ state, error }) => error?.code ?? state)).toEqual(['AUDIO_NOT_FOUND', 'final']);
    one.close();
  });

  test('keeps the text of a cancelled file until it is forgotten', async () => {
    const one = await client();
    const long = { segments: 1_000, delayMs: 10 };
    const added = await one.files.add([audio('one.wav', long), audio('two.wav', long)]);
    const ids = added.map(({ id }) => id);
    await watch(one, ([file]) => (file?.doneSeconds ?? 0) > 2);
    await one.files.cancel(ids);
    const last = (await watch(one, areFinished)).at(-1);
    expect(last?.map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
    expect((await one.files.get(ids[0] ?? '')).segments.length).toBeGreaterThan(1);
    await one.files.forget(ids);
    await watch(one, (files) => files.length === 0);
    await expect(one.files.get(ids[0] ?? '')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    one.close();
  });

  test('loses no word if the engine dies', async () => {
    const one = await client();
    const [added] = await one.files.add([audio('deadly.wav', { segments: 6, dieAfter: 3 })]);
    await watch(one, areFinished);
    const { segments } = await one.files.get(added?.id ?? '');
    expect(segments.map(({ text }) => text)).toEqual(scriptedTexts(6));
    one.close();
  });

  test('returns a long text in several parts', async () => {
    const one = await client();
    const script = { segments: 60, textLength: 20_000 };
    const [added] = await one.files.add([audio('book.wav', script)]);
    await watch(one, areFinished);
    const { segments } = await one.files.get(added?.id ?? '');
    expect(segments).toHaveLength(60);
    expect(segments.map(({ start }) => start)).toEqual(Array.from({ length: 60 }, (_, at) => at));
    one.close();
  });

  test('keeps the daemon busy while a text is unread', async () => {
    const one = await client();
    const [added] = await one.files.add([audio('a.wav', { segments: 1 })]);
    await watch(one, areFinished);
    expect(idles).toEqual([false]);
    await one.files.get(added?.id ?? '');
    expect(idles).toEqual([false, true]);
    one.close();
  });

  test('refuses more files than its limit until others have finished', async () => {
    const one = await client();
    const long = audio('long.wav', { segments: 1_000, delayMs: 50 });
    const many = Array.from({ length: FILE_LIMITS.open + 1 }, () => long);
    await expect(one.files.add(many)).rejects.toMatchObject({ code: 'BUSY' });
    const [listed = []] = await watch(one, () => true);
    expect(listed).toHaveLength(FILE_LIMITS.open);
    await one.files.cancel(listed.map(({ id }) => id));
    await watch(one, areFinished);
    const [fresh] = await one.files.add([audio('fresh.wav', { segments: 1 })]);
    const last = (await watch(one, areFinished)).at(-1);
    expect(last).toHaveLength(FILE_LIMITS.kept + 1);
    expect(last?.at(-1)).toMatchObject({ id: fresh?.id, state: 'final' });
    one.close();
  });

  test('refuses a relative path', async () => {
    const one = await client();
    await expect(one.files.add(['talk.wav'])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    one.close();
  });
});
