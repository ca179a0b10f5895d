/** Conversations over the socket whose files the daemon can't open: a real server and client, and the engine's message loop. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoClient, type ConversationEvent } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { EngineHost } from '#daemon/engine/engine-host.js';
import { silentLog } from '#daemon/logger.js';
import type { Recognizer } from '#daemon/models/speech-model.js';
import { pcmContent, type Turn } from '#daemon/protocol/conversation.js';
import { LIMITS } from '#daemon/protocol/version.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { SpeechService } from '#daemon/sessions/speech/speech-service.js';
import type { Engine } from '#daemon/supervisor/engine.js';
import { EngineSpeeches } from '#daemon/supervisor/engine-speeches.js';
import { ProcessFileAccess, type TryOpen } from '#daemon/supervisor/file-access.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { noHistory } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { ScriptedConversation } from '#test/harness/scripted-conversation.js';
import { gate } from '#test/harness/scripted-speech.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { setUp } from '../engine/with-engine-host.js';

let home: TempHome;
let server: SottoServer;
let client: SottoClient;
let speeches: EngineSpeeches;
/** Paths that the engine opened. */
let opened: string[];
let model: ScriptedConversation;
let service: SpeechService;
let word: ReturnType<typeof gate>;

/** Fakes how the daemon opens a file, by the name of the file. */
const tryOpen: TryOpen = (path) =>
  path.includes('denied')
    ? Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }))
    : Promise.resolve();

beforeEach(async () => {
  home = tempHome();
  mkdirSync(home.paths.uploads, { recursive: true });
  opened = [];
  word = gate();
  model = new ScriptedConversation({ onWord: () => word.opened });
  const { deps } = setUp();
  speeches = new EngineSpeeches((message) => host.receive(message));
  const host = new EngineHost({
    ...deps,
    loadModel: () => Promise.resolve(model as unknown as Recognizer),
    openAudio: (path) => {
      opened.push(path);
      const samples = async function* () {
        yield await Promise.resolve(Float32Array.from(readFileSync(path)));
      };
      return Promise.resolve({ durationSeconds: 1, samples: samples(), close: () => Promise.resolve() });
    },
    send: (message) => {
      if ('speech' in message) speeches.receive(structuredClone(message));
    },
  });
  speeches.ready();
  const engine = { openSpeech: (...call) => speeches.open(...call) } as Pick<Engine, 'openSpeech'> as Engine;
  const resolveModel = () => ({ name: 'c', dir: '/c' });
  const common = { ...{ engine, resolveModel }, clock: systemClock, log: silentLog };
  const { uploads } = home.paths;
  service = new SpeechService({
    ...common,
    access: new ProcessFileAccess({ clock: systemClock, uploads, tryOpen }),
  });
  const sessions = new JobScheduler(common);
  server = await SottoServer.listen({
    ...{ ...common, sessions, uploads, speech: service, history: noHistory, vocabulary: noVocabulary },
    socketPath: home.paths.socket,
    files: new FileQueue({ sessions, clock: systemClock }),
    live: new LiveSessions({ ...common, folder: home.folder, keep: () => Promise.resolve(undefined) }),
    models: idleModelService(home.paths),
    status: () => {
      throw new Error('unexpected request');
    },
    shutdown: () => undefined,
  });
  client = await SottoClient.connect(home.paths.socket, 'test');
});

afterEach(async () => {
  client.close();
  await server.close();
  home.remove();
});

const copies = (): string[] => readdirSync(home.paths.uploads);

/** A turn with files of these names and contents; one without content is absent. */
function turnsWith(files: Readonly<Record<string, readonly number[] | undefined>>): Turn[] {
  const parts = Object.entries(files).map(([name, bytes]) => {
    const path = join(home.folder, name);
    if (bytes !== undefined) writeFileSync(path, Uint8Array.from(bytes));
    return { type: 'audio' as const, path };
  });
  return [{ role: 'user', content: [...parts, { type: 'text', text: 'What is this?' }] }];
}

async function answerTo(turns: readonly Turn[]): Promise<ConversationEvent[]> {
  const events: ConversationEvent[] = [];
  for await (const event of client.conversation.converse(turns)) events.push(event);
  return events;
}

describe('a conversation about files', () => {
  test('reads copies of those that the daemon can’t open, and removes the copies', async () => {
    const turns = turnsWith({ 'denied-1': [1, 2], open: [3], 'denied-2': [4] });
    const answering = answerTo(turns);
    await until(() => model.input.length === 4);
    expect([copies().length, opened.filter((path) => path.startsWith(home.paths.uploads)).length]).toEqual([
      2, 2,
    ]);
    word.open();
    const events = await answering;
    expect(model.input).toEqual([1, 2, 3, 4]);
    const waits = events.flatMap((one) => (one.type === 'waiting' && 'path' in one ? [one.path] : []));
    expect(new Set(waits)).toEqual(new Set(['denied-1', 'denied-2'].map((name) => join(home.folder, name))));
    expect(events.at(-1)).toMatchObject({ type: 'answered', summary: { text: 'What is this?' } });
    await until(() => copies().length === 0);
    expect(service.isIdle).toBe(true);
  });

  test('fails with the name of a file that its client can’t read either', async () => {
    const answer = answerTo(turnsWith({ 'denied-absent': undefined }));
    await expect(answer).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      message: expect.stringContaining('denied-absent') as unknown,
    });
    await until(() => service.isIdle);
    expect([opened, copies()]).toEqual([[], []]);
  });

  test('leaves no copy when its client disconnects', async () => {
    const answering = answerTo(turnsWith({ 'denied-1': [1] }));
    await until(() => model.input.length === 1);
    client.close();
    await expect(answering).rejects.toMatchObject({ code: 'DAEMON_LOST' });
    word.open();
    await until(() => copies().length === 0 && model.ended === 1);
    expect(service.isIdle).toBe(true);
  });

  test('is refused by the client if it is too large for a message', async () => {
    const content = Array.from({ length: 3 }, () =>
      pcmContent(new Int16Array(LIMITS.maxTurnPcmSeconds * 16_000)),
    );
    await expect(answerTo([{ role: 'user', content }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(client.connected).toBe(true);
  });
});
