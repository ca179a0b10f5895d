/** Conversations over the socket whose files the daemon can't open: a real server and client, and the engine's message loop. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConversationEvent } from '#daemon/client/index.js';
import { systemClock } from '#daemon/clock.js';
import { pcmContent, type Turn } from '#daemon/protocol/conversation.js';
import { LIMITS } from '#daemon/protocol/version.js';
import { ProcessFileAccess, type TryOpen } from '#daemon/supervisor/file-access.js';
import { ScriptedConversation } from '#test/harness/scripted-conversation.js';
import { startSpeechServer } from '#test/harness/speech-server.js';
import { gate } from '#test/harness/scripted-speech.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { setUp } from '../engine/with-engine-host.js';

let home: TempHome;
let started: Awaited<ReturnType<typeof startSpeechServer>>;
/** Paths that the engine opened. */
let opened: string[];
let model: ScriptedConversation;
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
  const { uploads } = home.paths;
  started = await startSpeechServer({
    paths: home.paths,
    modelIn: () => model,
    resolveModel: () => ({ name: 'c', dir: '/c' }),
    access: new ProcessFileAccess({ clock: systemClock, uploads, tryOpen }),
    deps: {
      ...setUp().deps,
      openAudio: (path) => {
        opened.push(path);
        const samples = async function* () {
          yield await Promise.resolve(Float32Array.from(readFileSync(path)));
        };
        return Promise.resolve({ durationSeconds: 1, samples: samples(), close: () => Promise.resolve() });
      },
    },
  });
});

afterEach(async () => {
  await started.close();
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
  for await (const event of started.client.conversation.converse(turns)) events.push(event);
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
    expect(started.service.isIdle).toBe(true);
  });

  test('fails with the name of a file that its client can’t read either', async () => {
    const answer = answerTo(turnsWith({ 'denied-absent': undefined }));
    await expect(answer).rejects.toMatchObject({
      code: 'AUDIO_NOT_FOUND',
      message: expect.stringContaining('denied-absent') as unknown,
    });
    await until(() => started.service.isIdle);
    expect([opened, copies()]).toEqual([[], []]);
  });

  test('leaves no copy when its client disconnects', async () => {
    const answering = answerTo(turnsWith({ 'denied-1': [1] }));
    await until(() => model.input.length === 1);
    started.client.close();
    await expect(answering).rejects.toMatchObject({ code: 'DAEMON_LOST' });
    word.open();
    await until(() => copies().length === 0 && model.ended === 1);
    expect(started.service.isIdle).toBe(true);
  });

  test('is refused by the client if it is too large for a message', async () => {
    const content = Array.from({ length: 3 }, () =>
      pcmContent(new Int16Array(LIMITS.maxTurnPcmSeconds * 16_000)),
    );
    await expect(answerTo([{ role: 'user', content }])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(started.client.connected).toBe(true);
  });
});
