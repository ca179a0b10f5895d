/** Messages of any size to fast, slow and stalled clients. */
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { Outbox } from '#daemon/server/outbox.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

const FRAGMENT_BYTES = 256 * 1024;
const MIB = 1024 * 1024;

let home: TempHome;
let server: Server;
let sockets: WebSocketServer;
beforeEach(async () => {
  home = tempHome();
  server = createServer();
  sockets = new WebSocketServer({ server, perMessageDeflate: false });
  await new Promise<void>((resolve) => server.listen(join(home.folder, 's'), resolve));
});
afterEach(async () => {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  await new Promise((resolve) => server.close(resolve));
  home.remove();
});

async function pair() {
  const clock = new VirtualClock();
  const far = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const received: string[] = [];
  const client = new WebSocket('ws://localhost/', {
    createConnection: () => connect(join(home.folder, 's')),
    perMessageDeflate: false,
  });
  client.on('message', (data) => received.push((data as Buffer).toString('utf8')));
  await new Promise((resolve) => client.once('open', resolve));
  const socket = await far;
  const seen = { stalled: 0 };
  const outbox = new Outbox(socket, clock, () => {
    seen.stalled += 1;
    socket.terminate();
  });
  return { client, clock, outbox, received, seen, socket };
}

/** The daemon writes what the socket accepts. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('an outbox', () => {
  test('delivers texts of any length completely and in order', async () => {
    const { outbox, received, seen } = await pair();
    const piece = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
    const bytes = fc.oneof(
      fc.nat(200),
      fc.integer({ min: FRAGMENT_BYTES - 9, max: FRAGMENT_BYTES + 9 }),
      fc.integer({ min: 3 * FRAGMENT_BYTES - 9, max: 3 * FRAGMENT_BYTES + 9 }),
    );
    const text = fc.tuple(piece, bytes, fc.nat(3)).map(([unit, length, shift]) => {
      const times = Math.ceil(length / Buffer.byteLength(unit));
      return `"${'x'.repeat(shift)}${unit.repeat(times)}"`;
    });
    let fragmented = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 4 }), async (texts) => {
        received.length = 0;
        for (const one of texts) outbox.push(one);
        await until(() => received.length === texts.length);
        fragmented += texts.filter((one) => Buffer.byteLength(one) > FRAGMENT_BYTES).length;
        return received.every((one, i) => one === texts[i]);
      }),
      { numRuns: 40 },
    );
    expect(fragmented).toBeGreaterThan(10);
    expect([outbox.unreadBytes, seen.stalled]).toEqual([0, 0]);
  });

  test('passes a large message to the socket in fragments', async () => {
    const { client, outbox, received, socket } = await pair();
    client.pause();
    outbox.push('é'.repeat(4 * MIB));
    await turns();
    expect(outbox.unreadBytes).toBeGreaterThan(6 * MIB);
    expect(socket.bufferedAmount).toBeLessThan(2 * FRAGMENT_BYTES);
    client.resume();
    await until(() => received.length === 1);
    expect(received).toEqual(['é'.repeat(4 * MIB)]);
  });

  test('disconnects a client that reads nothing for ten seconds', async () => {
    const { client, clock, outbox, seen } = await pair();
    client.pause();
    outbox.push('x'.repeat(2 * MIB));
    await turns();
    clock.advance(9_999);
    expect(seen.stalled).toBe(0);
    // A fragment in the buffers of the system counts as read.
    clock.advance(10_001);
    expect(seen.stalled).toBe(1);
    clock.advance(60_000);
    expect(seen.stalled).toBe(1);
    expect(outbox.unreadBytes).toBeLessThan(MIB);
  });

  test('keeps a client that has little unread, reads slowly, or was suspended', async () => {
    const { client, clock, outbox, received, seen } = await pair();
    client.pause();
    outbox.push('x'.repeat(900 * 1024));
    await turns();
    clock.advance(600_000);
    expect(seen.stalled).toBe(0);
    outbox.push('y'.repeat(8 * MIB));
    await turns();
    clock.jump(600_000);
    expect(seen.stalled).toBe(0);
    while (outbox.unreadBytes > 0) {
      const before = outbox.unreadBytes;
      client.resume();
      await until(() => outbox.unreadBytes < before);
      client.pause();
      clock.advance(9_000);
    }
    client.resume();
    await until(() => received.length === 2);
    expect(received.map(({ length }) => length)).toEqual([900 * 1024, 8 * MIB]);
    expect(seen.stalled).toBe(0);
  });

  test('queues at most 64 MiB', async () => {
    const { client, outbox, seen } = await pair();
    client.pause();
    for (let message = 0; message < 31; message++) outbox.push('x'.repeat(2 * MIB));
    expect(seen.stalled).toBe(0);
    outbox.push('x'.repeat(4 * MIB));
    expect(seen.stalled).toBe(1);
    expect(outbox.unreadBytes).toBeLessThan(MIB);
  });
});
