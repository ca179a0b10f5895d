/** The socket of the background dictation with misbehaving clients. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CaptureServer } from '#daemon/capture/capture-server.js';
import { systemClock } from '#daemon/clock.js';

let folder = '';
let server: CaptureServer;
const disconnected: object[] = [];
let hasLeft = false;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'so-c-'));
  server = await CaptureServer.listen({
    path: join(folder, 'c'),
    clock: systemClock,
    dictation: () => undefined,
    begin: () => {
      throw new Error('nothing starts in this test');
    },
    finish: () => false,
    last: () => undefined,
    devices: () => Promise.resolve(['one', 'two']),
    leave: () => (hasLeft = true),
    onWatchers: () => undefined,
    onDisconnected: (client) => disconnected.push(client),
  });
});
afterEach(async () => {
  await server.close();
  disconnected.length = 0;
  hasLeft = false;
  rmSync(folder, { recursive: true, force: true });
});

function client(): { socket: Socket; answers: () => string; closed: Promise<unknown> } {
  const socket = connect(join(folder, 'c'));
  let output = '';
  socket.setEncoding('utf8').on('data', (text: string) => (output += text));
  // Disconnects in the middle of a request.
  socket.on('error', () => undefined);
  return { socket, answers: () => output, closed: new Promise((resolve) => socket.once('close', resolve)) };
}

test('a client whose line does not end is disconnected, and others are served', async () => {
  const [endless, other] = [client(), client()];
  const piece = 'x'.repeat(64 * 1024);
  const send = (): void => {
    while (!endless.socket.destroyed && endless.socket.write(piece));
  };
  endless.socket.on('drain', send);
  send();
  await endless.closed;
  expect(disconnected).toHaveLength(1);
  other.socket.end('{"type":"devices"}\n');
  await other.closed;
  expect(JSON.parse(other.answers())).toEqual({ type: 'devices', names: ['one', 'two'] });
});

test('a line may come in several chunks, several lines in one chunk, and the last one without an end', async () => {
  const { socket, answers, closed } = client();
  socket.write('{"type":"dev');
  await new Promise((resolve) => setTimeout(resolve, 20));
  socket.end('ices"}\r\n{"type":"last"}\n{"type":"leave"}');
  await closed;
  const types = answers()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { type: string }).type);
  expect(types.sort()).toEqual(['devices', 'last']);
  expect(hasLeft).toBe(true);
});

test('a line that is too long for a request is refused, and the client may continue', async () => {
  const { socket, answers, closed } = client();
  socket.end(`${'x'.repeat(20_000)}\n{"type":"last"}\n`);
  await closed;
  const output = answers()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(output).toEqual(
    expect.arrayContaining([
      { type: 'error', error: expect.objectContaining({ code: 'PROTOCOL' }) },
      { type: 'last' },
    ]),
  );
});
