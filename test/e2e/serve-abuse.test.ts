/**
 * Broken or hostile programs at a real daemon's port: its memory stays within bounds, all others are served, and
 * nothing is left of them. The memory of the daemon's own process is read every 50 ms over the same port, which
 * also shows that others are served.
 */
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { portOf } from '#test/harness/open-port.js';
import { all, exchange, open, requestOf, type RawAnswer, type Target } from '#test/harness/raw-http.js';
import { sotto } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

const MB = 1e6;
/**
 * Room for uncollected garbage, and for the buffers of a thousand connections: at most 17 MB were seen. A daemon
 * that kept the data sent below would exceed it several times.
 */
const ROOM_BYTES = 64 * MB;

const home = tempHome();
let target: Target;
let token = '';
let good: readonly (readonly [string, string])[] = [];

beforeAll(async () => {
  await sotto(['serve', '--port', '0'], { home: home.folder });
  const found = portOf(home.paths);
  target = { host: '127.0.0.1', port: found.port };
  token = found.token;
  good = [
    ['Host', `127.0.0.1:${found.port}`],
    ['Authorization', `Bearer ${token}`],
  ];
  // What it loads and compiles at the first of each does not count as growth.
  for (let n = 0; n < 3; n++)
    await form([`--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--b--\r\n`]);
});

afterAll(async () => {
  await stopAll(home.paths);
  home.remove();
});

interface Figures {
  readonly rssBytes: number;
  readonly working: number;
}

async function figures(): Promise<Figures> {
  const { status, body } = await exchange(target, requestOf('GET /metrics HTTP/1.1', good));
  if (status !== 200) throw new Error(`not served: ${status}`);
  const figure = (name: string): number =>
    Number(
      body
        .split('\n')
        .find((line) => line.startsWith(name))
        ?.split(' ')
        .at(-1),
    );
  return {
    rssBytes: figure('sotto_resident_bytes{process="daemon"}'),
    working: figure('sotto_http_working'),
  };
}

/** Runs an attack, and returns by how much the daemon grew meanwhile; fails if others were not served. */
async function growth(doIt: () => Promise<unknown>): Promise<number> {
  const before = (await figures()).rssBytes;
  let max = before;
  let isOver = false;
  const watch = (async () => {
    while (!isOver) {
      max = Math.max(max, (await figures()).rssBytes);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await Promise.race([doIt(), watch.then(() => undefined)]);
  } finally {
    isOver = true;
    await watch;
  }
  return max - before;
}

function many<T>(count: number, one: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => one(n)));
}

/** Writes as fast as the other side reads, until it has gone. */
async function pour(socket: Socket, chunk: string | Buffer, times: number): Promise<void> {
  for (let n = 0; n < times && !socket.destroyed && socket.writable; n++) {
    if (socket.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      socket.once('drain', resolve);
      socket.once('close', () => resolve());
    });
  }
}

const chunked = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

/** A form as a chunked body; `then` continues it. */
async function form(parts: readonly string[], then?: (socket: Socket) => Promise<void>) {
  const socket = await open(target);
  const answer = all(socket);
  socket.write(
    requestOf('POST /v1/audio/transcriptions HTTP/1.1', [
      ...good,
      ['Content-Type', 'multipart/form-data; boundary=b'],
      ['Transfer-Encoding', 'chunked'],
    ]),
  );
  for (const part of parts) socket.write(chunked(part));
  await then?.(socket);
  if (socket.writable) socket.write('0\r\n\r\n');
  return answer;
}

/** A busy machine loses most answers. */
const MAX_ATTEMPTS = 50;

/** A reset may overtake the answer if much was left unread: of several attempts, one reads it. */
async function refusedAsTooLarge(one: () => Promise<RawAnswer>): Promise<void> {
  const answered: RawAnswer[] = [];
  for (let n = 0; n < MAX_ATTEMPTS && (n < 5 || answered.length === 0); n++) {
    const answer = await one();
    if (answer.status !== 0) answered.push(answer);
  }
  expect(answered.length).toBeGreaterThan(0);
  for (const { status, body } of answered)
    expect([status, body]).toEqual([413, expect.stringContaining('PAYLOAD_TOO_LARGE')]);
}

async function expectNoLeftovers(): Promise<void> {
  await until(async () => (await figures()).working === 0);
  await until(() => readdirSync(home.paths.uploads).length === 0);
}

describe('overload', () => {
  test('answers a hundred requests with headers of a megabyte with a code', async () => {
    const header = `X: ${'a'.repeat(MB)}\r\n`;
    const grown = await growth(async () => {
      const answers = await many(100, async () => {
        const socket = await open(target);
        const answer = all(socket);
        socket.write(`GET /health HTTP/1.1\r\n${header}\r\n`);
        return answer;
      });
      for (const { status, body } of answers) {
        // A reset may overtake the answer if much was left unread.
        expect([0, 413]).toContain(status);
        if (status === 413) expect(body).toContain('PAYLOAD_TOO_LARGE');
      }
      expect(answers.some(({ status }) => status === 413)).toBe(true);
    });
    expect(grown).toBeLessThan(ROOM_BYTES);
  });

  test('refuses a field of 100 MB, and does not keep it', async () => {
    const grown = await growth(async () => {
      const piece = chunked('a'.repeat(MB));
      await refusedAsTooLarge(() =>
        form(['--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n'], (socket) =>
          pour(socket, piece, 100),
        ),
      );
    });
    expect(grown).toBeLessThan(ROOM_BYTES);
    await expectNoLeftovers();
  });

  test('refuses an endless number of fields', async () => {
    const field = '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n';
    const fields = chunked(field.repeat(1_000));
    await refusedAsTooLarge(() => form([], (socket) => pour(socket, fields, 100)));
    await expectNoLeftovers();
  });

  test('writes an endless file to disk, not to memory, and removes it with its connection', async () => {
    const grown = await growth(async () => {
      const socket = await open(target);
      socket.write(
        requestOf('POST /v1/audio/transcriptions HTTP/1.1', [
          ...good,
          ['Content-Type', 'multipart/form-data; boundary=b'],
          ['Transfer-Encoding', 'chunked'],
        ]),
      );
      socket.write(chunked('--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'));
      await pour(socket, chunked('a'.repeat(MB)), 300);
      expect(readdirSync(home.paths.uploads)).toHaveLength(1);
      socket.destroy();
    });
    expect(grown).toBeLessThan(ROOM_BYTES);
    await expectNoLeftovers();
  });

  test('does not wait for the end of an endless form', async () => {
    const grown = await growth(async () => {
      const piece = chunked('a'.repeat(MB));
      await refusedAsTooLarge(() =>
        form(['--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--b--\r\n'], (socket) =>
          pour(socket, piece, 300),
        ),
      );
    });
    expect(grown).toBeLessThan(ROOM_BYTES);
    await expectNoLeftovers();
  });

  test('survives five thousand pipelined requests whose answers are not read', async () => {
    const lines = good.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const sockets: Socket[] = [];
    const grown = await growth(async () => {
      for (let n = 0; n < 10; n++) {
        const socket = await open(target);
        sockets.push(socket);
        socket.pause();
        // Resolves late or never: the daemon reads no further than it can answer.
        void pour(socket, `GET /metrics HTTP/1.1\r\n${lines}\r\n`, 5_000);
      }
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    });
    for (const socket of sockets) socket.destroy();
    expect(grown).toBeLessThan(ROOM_BYTES);
  });

  test('survives two thousand refused upgrades that never hang up', async () => {
    const handshake = [
      ['Host', good[0]?.[1] ?? ''],
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ] as const;
    const lingering: Socket[] = [];
    const grown = await growth(async () => {
      for (let round = 0; round < 10; round++) {
        const answers = await many(200, async (n) => {
          const socket = await open(target);
          socket.allowHalfOpen = n % 2 === 0;
          if (socket.allowHalfOpen) lingering.push(socket);
          const answer = all(socket);
          socket.write(requestOf('GET /v1/realtime HTTP/1.1', handshake));
          return answer;
        });
        for (const { status } of answers) expect([0, 401]).toContain(status);
        expect(answers.some(({ status }) => status === 401)).toBe(true);
      }
    });
    expect(grown).toBeLessThan(ROOM_BYTES);
    // Connections that never close their side are dropped nevertheless.
    await until(() => {
      for (const socket of lingering) socket.write('x');
      return lingering.every(({ destroyed }) => destroyed);
    });
  });
});

test('drops a thousand connections one by one that are silent, slow or half closed', async () => {
  const lines = good.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const grown = await growth(async () => {
    const silent = many(700, async () => all(await open(target)));
    const slow = many(100, async () => {
      const socket = await open(target);
      const answer = all(socket);
      socket.write('GET /health HTTP/1.1\r\nX: ');
      const drip = setInterval(() => socket.write('a'), 200);
      return answer.finally(() => clearInterval(drip));
    });
    const half = many(100, async (n) => {
      const socket = await open(target);
      const answer = all(socket);
      socket.end(
        n % 2 === 0 ? '' : `POST /v1/audio/transcriptions HTTP/1.1\r\n${lines}Content-Length: 1000\r\n\r\n`,
      );
      return answer;
    });
    const bodies = many(50, async () => {
      const socket = await open(target);
      const answer = all(socket);
      socket.write(
        `POST /v1/audio/transcriptions HTTP/1.1\r\n${lines}Content-Type: multipart/form-data; boundary=b\r\n` +
          'Content-Length: 100000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n',
      );
      const drip = setInterval(() => socket.write('a'), 500);
      return answer.finally(() => clearInterval(drip));
    });
    for (const { status } of [...(await silent), ...(await slow)]) expect([0, 408]).toContain(status);
    await half;
    for (const { status, body } of await bodies)
      expect([status, body]).toEqual([408, expect.stringContaining('REQUEST_TIMEOUT')]);
  });
  expect(grown).toBeLessThan(ROOM_BYTES);
  await expectNoLeftovers();
});

test('can still be stopped after all this', async () => {
  const { code, stderr } = await sotto(['daemon', 'stop'], { home: home.folder });
  expect([code, stderr]).toEqual([0, '']);
});
