/** A dictation with its text, which comes from another process than its recording. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { followDictation, SottoClient, type DictationView } from '#daemon/client/index.js';
import { EventQueue } from '#daemon/event-queue.js';
import type { Capture } from '#daemon/protocol/capture.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { fakeDictation } from '../raycast/fake-capture.js';
import { fakeText, type FakeText } from '../raycast/fake-text.js';

let home: TempHome;
let socket: string;
let text: FakeText | undefined;
let recording: EventQueue<Capture>;
let isClosed: boolean;
/** How long the reader is busy with each view. */
let readingMs: number;
let views: DictationView[];
let ended: Promise<unknown>;

beforeEach(() => {
  home = tempHome();
  socket = join(home.folder, 's');
  recording = new EventQueue<Capture>();
  isClosed = false;
  readingMs = 0;
  views = [];
  const capture = {
    updates: () => recording.read(),
    close: () => {
      isClosed = true;
      recording.end();
    },
  };
  const follow = async (): Promise<void> => {
    for await (const view of followDictation(capture, () => SottoClient.connect(socket, 'test'))) {
      views.push(view);
      if (readingMs > 0) await new Promise((resolve) => setTimeout(resolve, readingMs));
    }
  };
  ended = follow().catch((error: unknown) => error);
});
afterEach(async () => {
  recording.end();
  await ended;
  await text?.close();
  text = undefined;
  home.remove();
});

const last = (): DictationView | undefined => views.at(-1);

describe('a dictation with its text', () => {
  test('shows its recording before there is a daemon, then the text', async () => {
    recording.push(fakeDictation({ seconds: 1 }));
    await until(() => last()?.seconds === 1);
    expect(last()).toMatchObject({ committed: '', tentative: '', speaking: false });
    text = await fakeText(socket);
    text.show({ committed: 'Hello', tentative: ' there' });
    await until(() => last()?.committed === 'Hello');
    expect(last()).toMatchObject({ seconds: 1, tentative: ' there', model: 'fake', speaking: true });
    recording.push(fakeDictation({ seconds: 2, phase: 'paused' }));
    await until(() => last()?.seconds === 2);
    expect(last()).toMatchObject({ committed: 'Hello', speaking: false });
  });

  test('keeps the text while the daemon restarts', async () => {
    text = await fakeText(socket);
    text.show({ committed: 'Hello', tentative: '' });
    recording.push(fakeDictation({}));
    await until(() => last()?.committed === 'Hello');
    await text.close();
    recording.push(fakeDictation({ daemon: 'lost' }));
    await until(() => last()?.daemon === 'lost');
    expect(last()?.committed).toBe('Hello');
    text = await fakeText(socket);
    text.show({ committed: 'Hello again', tentative: '' });
    await until(() => last()?.committed === 'Hello again');
  });

  test('shows the text of the next session after a switch', async () => {
    text = await fakeText(socket);
    text.show({ committed: 'Hallo', tentative: '' });
    recording.push(fakeDictation({}));
    await until(() => last()?.committed === 'Hallo');
    await text.close();
    text = undefined;
    recording.push(fakeDictation({ id: 'b' }));
    await until(() => last()?.id === 'b');
    expect(last()?.committed).toBe('');
    text = await fakeText(socket);
    text.show({ committed: 'Hello', tentative: '' });
    await until(() => last()?.committed === 'Hello');
  });

  test('shows the last state to a reader that was busy when text came after it', async () => {
    text = await fakeText(socket);
    text.show({ committed: 'Hello', tentative: '' });
    recording.push(fakeDictation({}));
    await until(() => last()?.committed === 'Hello');
    readingMs = 200;
    recording.push(fakeDictation({ phase: 'finishing' }));
    await until(() => last()?.phase === 'finishing');
    recording.push(fakeDictation({ phase: 'final', text: 'Hello.' }));
    recording.end();
    await new Promise((resolve) => setTimeout(resolve, 50));
    text.show({ committed: 'Hello there', tentative: '' });
    await ended;
    expect(last()).toMatchObject({ phase: 'final', text: 'Hello.' });
  });

  test('ends with the recording, closed, and with its error', async () => {
    recording.push(fakeDictation({}));
    await until(() => views.length > 0);
    recording.end(new SottoError('DAEMON_LOST', 'the process has exited'));
    await expect(ended).resolves.toMatchObject({ code: 'DAEMON_LOST' });
    expect(isClosed).toBe(true);
  });
});
