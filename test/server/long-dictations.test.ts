/** Dictations of several hours, over a real socket to Sotto's own client. */
import { createServer, connect, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '#daemon/clock.js';
import { HistoryRecorder } from '#daemon/sessions/history/history-recorder.js';
import { SottoClient } from '#daemon/client/client.js';
import { Dictation, type DictationEvent } from '#daemon/client/dictation.js';
import { silentLog } from '#daemon/logger.js';
import type { FinalEvent } from '#daemon/protocol/live.js';
import type { Word } from '#daemon/protocol/transcription.js';
import { SottoServer } from '#daemon/server/server.js';
import { FileQueue } from '#daemon/sessions/files/file-queue.js';
import { HistoryService } from '#daemon/sessions/history/history-service.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import type {
  Engine,
  EngineStreamRequest,
  EngineStreamReport,
  EngineStream,
} from '#daemon/supervisor/engine.js';
import { noSpeeches } from '#test/harness/no-history.js';
import { noVocabulary } from '#test/harness/no-vocabulary.js';
import { idleModelService } from '#test/harness/controlled-models.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';

/** Words of one committed event, as a decode of minutes of audio gives them. */
const WORDS_PER_STEP = 400;
const VOCABULARY = [' речь', ' the', ' größte', ' sotto', ' 言葉', ' text', ' naïve', ' word'];
const REPLACED = new Replacer([{ from: 'sotto', to: 'Sotto 🎙' }]);

function wordsOf(count: number): Word[] {
  return Array.from({ length: count }, (_, i) => ({
    start: i * 0.4,
    end: i * 0.4 + 0.3,
    word: `${VOCABULARY[i % VOCABULARY.length] ?? ''}${i % 3 === 0 ? '' : ','}`.slice(i === 0 ? 1 : 0),
    probability: (i % 97) / 97,
  }));
}

/** An engine that recognizes this many words in any audio. */
class Wordy implements Engine {
  words = 0;

  run(): never {
    throw new Error('files are not supported');
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }

  openStream(
    { fromSample }: EngineStreamRequest,
    report: (report: EngineStreamReport) => void,
  ): EngineStream {
    queueMicrotask(() => report({ type: 'opened' }));
    let decodedSamples = fromSample;
    return {
      audio: (pcm) => void (decodedSamples += pcm.byteLength / 2),
      cancel: () => undefined,
      finish: () => {
        const rest = wordsOf(this.words);
        const step = () => ({
          committed: rest.splice(0, WORDS_PER_STEP),
          tentative: '',
          language: 'en',
          decodedSamples,
          intervalSeconds: 0.5,
          checkpoint: { fromSample: decodedSamples, state: null },
        });
        while (rest.length > WORDS_PER_STEP) report({ type: 'update', step: step() });
        report({ type: 'done', step: step() });
      },
    };
  }
}

let home: TempHome;
let engine: Wordy;
let keeper: HistoryRecorder;
let live: LiveSessions;
let server: SottoServer;
let relay: Server | undefined;
/** Number of connections of the client. */
let connections = 0;

beforeEach(async () => {
  home = tempHome();
  engine = new Wordy();
  keeper = new HistoryRecorder(home.paths, silentLog);
  const common = {
    engine,
    clock: systemClock,
    log: silentLog,
    resolveModel: () => ({ name: 'm', dir: '/m' }),
  };
  live = new LiveSessions({
    ...common,
    folder: home.folder,
    keep: (outcome) => keeper.keep(outcome),
    vocabulary: { current: () => ({ words: [], replacer: REPLACED }) },
  });
  const sessions = new JobScheduler(common);
  connections = 0;
  server = await SottoServer.listen({
    socketPath: home.paths.socket,
    sessions,
    live,
    models: idleModelService(home.paths),
    history: new HistoryService({
      open: () => keeper.history(),
      recordings: home.paths.recordings,
      settings: home.paths.settings,
      tidy: () => keeper.tidy(),
      speeches: noSpeeches,
    }),
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
  relay?.close();
  relay = undefined;
  await live.stop(0);
  await server.close();
  await keeper.close();
  home.remove();
});

/** Dictates this many words. */
async function dictate(words: number, socket = home.paths.socket): Promise<DictationEvent[]> {
  engine.words = words;
  const dictation = Dictation.open({
    id: `long-${words}`,
    connect: () => {
      connections += 1;
      return SottoClient.connect(socket, 'test');
    },
  });
  dictation.push(ramp(0, SECOND));
  dictation.finish();
  const events: DictationEvent[] = [];
  for await (const event of dictation.events()) events.push(event);
  return events;
}

function committedBefore(events: readonly DictationEvent[], type: string): string {
  const end = events.findIndex((event) => event.type === type);
  return events
    .slice(0, end)
    .map((event) => (event.type === 'committed' ? event.text : ''))
    .join('');
}

function finalOf(events: readonly DictationEvent[]): FinalEvent {
  const last = events.at(-1);
  expect(last?.type).toBe('final');
  return last as FinalEvent;
}

/** The expected text of `dictate`. */
function expected(count: number): { committed: string; text: string } {
  const committed = wordsOf(count)
    .map(({ word }) => word)
    .join('');
  return { committed, text: committed.replaceAll('sotto', 'Sotto 🎙') };
}

describe('a long dictation', () => {
  test.each([30_000, 110_000])(
    'of %i words with a replacement is delivered completely and once, as is its history entry',
    async (count) => {
      const { committed, text } = expected(count);
      const events = await dictate(count);
      const final = finalOf(events);
      expect(connections).toBe(1);
      expect(committedBefore(events, 'final') === committed).toBe(true);
      expect(final.text === text).toBe(true);
      expect(final.words?.length).toBe(count);
      expect(final.words?.map(({ word }) => word).join('') === text).toBe(true);
      expect(JSON.stringify(final).length).toBeGreaterThan(1024 * 1024);
      const client = await SottoClient.connect(home.paths.socket, 'test');
      const { dictations } = await client.history({ do: 'get', id: `long-${count}` });
      expect(dictations[0]?.text === text).toBe(true);
      expect(dictations[0]?.words?.length).toBe(count);
      expect(client.connected).toBe(true);
      client.close();
    },
    120_000,
  );

  test('is delivered completely over the next connection after an interruption', async () => {
    const { committed, text } = expected(30_000);
    const path = join(home.folder, 'relay');
    const committedBytes = Buffer.byteLength(JSON.stringify(wordsOf(30_000)));
    relay = await relayAt(path, committedBytes + 1024 * 1024);
    const events = await dictate(30_000, path);
    expect(connections).toBe(2);
    expect(events.filter(({ type }) => type === 'connection')).toEqual([
      { type: 'connection', state: 'lost' },
      { type: 'connection', state: 'restored' },
    ]);
    // The connection broke within `final`, after all earlier messages.
    expect(committedBefore(events, 'connection') === committed).toBe(true);
    expect(finalOf(events).text === text).toBe(true);
    expect(finalOf(events).words?.length).toBe(30_000);
  });

  test('can get the text of another transcription, and is listed with others', async () => {
    await dictate(400);
    const client = await SottoClient.connect(home.paths.socket, 'test');
    const text = 'слово, '.repeat(110_000).trim();
    const set = await client.history({ do: 'set-text', id: 'long-400', text, model: 'other' });
    expect(set.dictations[0]?.text === text).toBe(true);
    const { dictations } = await client.history({ do: 'list', limit: 10 });
    expect(dictations.map((one) => one.text === text)).toEqual([true]);
    expect(client.connected).toBe(true);
    client.close();
  });
});

/** Relays bytes between clients and the daemon; the first connection breaks after this many bytes to the client. */
async function relayAt(path: string, limit: number): Promise<Server> {
  let first = true;
  const made = createServer((near: Socket) => {
    const far = connect(home.paths.socket);
    let left = first ? limit : Infinity;
    first = false;
    near.pipe(far);
    far.on('data', (data: Buffer) => {
      if (left > 0) near.write(data.subarray(0, left));
      left -= data.length;
      if (left <= 0) near.end(() => far.destroy());
    });
    far.on('close', () => near.destroy());
    near.on('close', () => far.destroy());
    for (const socket of [near, far]) socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => made.listen(path, resolve));
  return made;
}
