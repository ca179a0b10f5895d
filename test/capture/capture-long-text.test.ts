/** Long texts for clients that watch a background dictation. */
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { BackgroundDictation } from '#daemon/capture/background-dictation.js';
import { CaptureServer } from '#daemon/capture/capture-server.js';
import { CaptureClient } from '#daemon/client/capture-client.js';
import type { Capture } from '#daemon/protocol/capture.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

/** More than the kernel and the server buffer for a client that doesn't read. */
const LONG = 'слово, '.repeat(300_000);

const START: Capture = {
  id: 'one',
  startedMs: 1,
  phase: 'listening',
  requested: {},
  text: LONG,
  seconds: 0,
  db: -60,
  noSignalSeconds: 0,
  daemon: 'connected',
};

let home: TempHome;
let clock: VirtualClock;
let now: Capture;
let server: CaptureServer;
let watchers = 0;
const sockets: Socket[] = [];

beforeEach(async () => {
  home = tempHome();
  clock = new VirtualClock();
  now = START;
  watchers = 0;
  const dictation = {
    get now() {
      return now;
    },
  } as BackgroundDictation;
  server = await CaptureServer.listen({
    path: join(home.folder, 'capture'),
    clock,
    dictation: () => dictation,
    begin: () => ({ dictation, isNew: true }),
    finish: () => true,
    last: () => undefined,
    devices: () => Promise.resolve([]),
    leave: () => undefined,
    onWatchers: (count) => (watchers = count),
    onDisconnected: () => undefined,
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
  home.remove();
});

function change(fields: Partial<Capture>): void {
  now = { ...now, ...fields };
  server.changed(now);
  clock.advance(50);
}

test('a slow watcher gets all of a long text and the end of the dictation', async () => {
  const socket = connect(join(home.folder, 'capture'));
  sockets.push(socket);
  let received = '';
  socket.setEncoding('utf8');
  socket.pause();
  socket.on('data', (text: string) => (received += text));
  socket.pause();
  socket.write('{"type":"watch"}\n');
  await until(() => watchers === 1);
  for (let second = 1; second <= 100; second++) change({ seconds: second });
  change({ phase: 'final', text: `${LONG}more` });
  socket.resume();
  await until(() => received.includes('"final"') && received.endsWith('\n'));
  const lines = received.trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as { dictation?: Capture; change?: Capture });
  expect(events[0]?.dictation?.text === LONG).toBe(true);
  expect(events.at(-1)?.change?.text === `${LONG}more`).toBe(true);
  expect(watchers).toBe(1);
});

test('a long text reaches a watching command', async () => {
  const capture = await CaptureClient.connect(join(home.folder, 'capture'));
  const { dictation, isNew } = (await capture?.begin({})) ?? {};
  expect([isNew, dictation?.text === LONG]).toEqual([true, true]);
  change({ phase: 'final' });
  let last: Capture | undefined;
  for await (const one of capture?.updates() ?? []) if ((last = one).phase === 'final') break;
  expect(last?.text === LONG).toBe(true);
  capture?.close();
});
