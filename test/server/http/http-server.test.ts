import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { DaemonStatus } from '#daemon/protocol/status.js';
import { Admission } from '#daemon/server/http/admission.js';
import { healthRoute } from '#daemon/server/http/health.js';
import { HttpMetrics } from '#daemon/server/http/metrics.js';
import { metricsRoute } from '#daemon/server/http/metrics-route.js';
import type { Reply } from '#daemon/server/http/route.js';
import { all, exchange, open, requestOf, type RawAnswer } from '#test/harness/raw-http.js';
import { serveTestApi, type TestApi } from '#test/harness/test-api.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

let home: TempHome;
let served: TestApi;

beforeEach(async () => {
  home = tempHome();
  served = await serve();
});

afterEach(async () => {
  await served.close();
  home.remove();
});

interface Timeouts {
  readonly everyMs?: number;
  readonly unreadMs?: number;
}

/** The defaults are longer than the slowest machine needs. */
function serve({ everyMs = 60_000, unreadMs = 60_000 }: Timeouts = {}): Promise<TestApi> {
  return serveTestApi(home, { uploadTimeout: { everyMs, minBytes: 10 }, maxActive: 2, unreadMs });
}

async function restartServer(timeouts: Timeouts): Promise<void> {
  await served.close();
  served = await serve(timeouts);
}

const local = ['Host', 'localhost'] as const;

function sendRequest(
  line: string,
  headers: readonly (readonly [string, string])[] = [],
  body = '',
): Promise<RawAnswer> {
  return exchange(served.socket, requestOf(`${line} HTTP/1.1`, [local, ...headers], body));
}

function codeOf({ body }: RawAnswer): unknown {
  return (JSON.parse(body) as { error: { code: unknown } }).error.code;
}

describe('a route', () => {
  test('gets decoded path parameters, including an encoded slash', async () => {
    const { status, body } = await sendRequest('GET /here/mlx-community%2Fwhisper%20x');
    expect([status, JSON.parse(body)]).toEqual([200, { name: 'mlx-community/whisper x' }]);
  });

  test('answers HEAD with the same headers and no body', async () => {
    const [head, get] = [await sendRequest('HEAD /here/me'), await sendRequest('GET /here/me')];
    expect([head.status, head.body]).toEqual([200, '']);
    const fixed = (text: string): string => text.replace(/^(x-request-id|date): .*$/gim, '');
    expect(fixed(head.head)).toBe(fixed(get.head));
  });

  test('lists its methods for another method', async () => {
    const answer = await sendRequest('POST /here/me', [['Content-Length', '0']]);
    expect([answer.status, codeOf(answer)]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(answer.head).toMatch(/^allow: GET, HEAD$/im);
  });

  test('sends parts of a stream as they arrive', async () => {
    const { head, body } = await sendRequest('GET /parts');
    expect(head).toMatch(/^transfer-encoding: chunked$/im);
    expect(body).toContain('two ');
  });

  test('sends 100 Continue before the body', async () => {
    const socket = await open(served.socket);
    const answer = all(socket);
    const wait = new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
    socket.write(
      requestOf('POST /work HTTP/1.1', [local, ['Content-Length', '5'], ['Expect', '100-continue']]),
    );
    expect(await wait).toContain('100 Continue');
    socket.write('abcde');
    expect((await answer).body).toContain('{"bytes":5}');
  });

  test('sends an error instead of 100 Continue', async () => {
    const answer = await exchange(
      served.socket,
      requestOf('POST /work HTTP/1.1', [
        ['Host', 'evil.example'],
        ['Content-Length', '5'],
        ['Expect', '100-continue'],
      ]),
    );
    expect([answer.status, answer.head.includes('Continue')]).toEqual([403, false]);
  });
});

describe('a request body', () => {
  test('that arrives too slowly gets an error and frees its slot', async () => {
    await restartServer({ everyMs: 100 });
    const socket = await open(served.socket);
    const answer = all(socket);
    socket.write(requestOf('POST /work HTTP/1.1', [local, ['Content-Length', '1000']], 'a'));
    await until(() => served.api.admission.active === 1);
    const drip = setInterval(() => socket.write('a'), 40);
    const { status, body } = await answer.finally(() => clearInterval(drip));
    expect([status, body]).toEqual([408, expect.stringContaining('REQUEST_TIMEOUT') as unknown]);
    await until(() => served.api.admission.active === 0);
  });

  test('that keeps arriving may take long', async () => {
    await restartServer({ everyMs: 500 });
    const socket = await open(served.socket);
    const answer = all(socket);
    socket.write(requestOf('POST /work HTTP/1.1', [local, ['Content-Length', '1000']]));
    for (let n = 0; n < 100; n++) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      socket.write('a'.repeat(10));
    }
    expect((await answer).body).toContain('{"bytes":1000}');
  });

  test('of a client that disconnects frees its slot', async () => {
    const socket = await open(served.socket);
    socket.write(requestOf('POST /work HTTP/1.1', [local, ['Content-Length', '1000']], 'a'));
    await until(() => served.api.admission.active === 1);
    socket.destroy();
    await until(() => served.api.admission.active === 0);
  });

  test('is not read without a free slot, and other requests are served', async () => {
    const held = await Promise.all([open(served.socket), open(served.socket)]);
    for (const socket of held)
      socket.write(requestOf('POST /work HTTP/1.1', [local, ['Content-Length', '100000']], 'a'));
    await until(() => served.api.admission.active === 2);
    const answer = await sendRequest('POST /work', [['Content-Length', '5']], 'abcde');
    expect([answer.status, codeOf(answer)]).toEqual([503, 'BUSY']);
    expect(answer.head).toMatch(/^retry-after: \d+$/im);
    expect((await sendRequest('GET /here/me')).status).toBe(200);
    for (const socket of held) socket.destroy();
  });
});

test('an invalid WebSocket frame closes only its own connection', async () => {
  const socket = await open(served.socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(
    requestOf('GET /talk HTTP/1.1', [
      local,
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
    ]),
  );
  await until(() => served.handshakes() === 1);
  socket.resume().write(Buffer.alloc(100, 0xff));
  await closed;
  expect((await sendRequest('GET /here/me')).status).toBe(200);
  expect(served.api.metrics.text()).toContain('sotto_websockets_open{path="/talk"} 0\n');
});

describe('an answer', () => {
  test('is sent to a client whose body never ends, and the connection is closed', async () => {
    const socket = await open(served.socket);
    const answer = all(socket);
    socket.write(
      `GET /here/me HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n`,
    );
    const drip = setInterval(() => socket.write('1\r\na\r\n'), 20);
    expect((await answer.finally(() => clearInterval(drip))).status).toBe(200);
  });

  test.each(['/much?parts', '/much'])('of %s that is not read is aborted', async (path) => {
    await restartServer({ unreadMs: 100 });
    const socket = await open(served.socket);
    // The client reads nothing.
    socket.pause();
    socket.write(requestOf(`GET ${path} HTTP/1.1`, [local]));
    await until(() => served.api.metrics.text().includes('route="/much",method="GET",status="200"'));
    socket.destroy();
  });
});

test('a few pipelined requests are answered in order, too many close the connection', async () => {
  const socket = await open(served.socket);
  const answer = all(socket);
  const lines = Array.from({ length: 7 }, (_, n) => `GET /here/n${n} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  socket.write(lines.join(''));
  socket.write(requestOf('GET /here/last HTTP/1.1', [local]));
  const { body } = await answer;
  const names = [...body.matchAll(/"name":"(\w+)"/g)].map(([, name]) => name);
  expect(names).toEqual([...Array.from({ length: 7 }, (_, n) => `n${n}`), 'last']);
  const greedy = await open(served.socket);
  const some = all(greedy);
  greedy.write(lines.join('').repeat(100));
  expect((await some).body.split('"name":').length - 1).toBeLessThan(700);
  expect(served.api.metrics.text()).toContain('route="/here/{name}",method="GET"');
  expect((await sendRequest('GET /here/me')).status).toBe(200);
});

describe('the metrics', () => {
  /** A line of the format: a comment, or a name with labels and a number. */
  const LINE =
    /^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="(\\.|[^"\\])*"(,\w+="(\\.|[^"\\])*")*\})? -?\d+(\.\d+)?(e[+-]\d+)?)$/;

  test('count requests by route and status, with at most one series per route', async () => {
    await sendRequest('GET /here/a');
    await sendRequest('GET /here/b');
    await sendRequest('GET /nowhere/1');
    await sendRequest('GET /nowhere/2');
    await sendRequest('GET /here/c', [['Origin', 'null']]);
    await exchange(served.socket, 'nonsense\r\n\r\n');
    const text = served.api.metrics.text();
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(LINE);
    expect(text).toContain('sotto_http_requests_total{route="/here/{name}",method="GET",status="200"} 2\n');
    expect(text).toContain('sotto_http_requests_total{route="none",method="GET",status="404"} 2\n');
    expect(text).toContain('sotto_http_requests_total{route="none",method="GET",status="403"} 1\n');
    expect(text).toContain('sotto_http_requests_total{route="none",method="other",status="400"} 1\n');
    expect(text).toContain('sotto_http_request_seconds_count{route="/here/{name}"} 2\n');
    expect(text).not.toContain('nowhere');
  });

  test('have cumulative buckets and escaped labels', () => {
    const metrics = new HttpMetrics();
    for (const seconds of [0.001, 0.3, 7, 5_000])
      metrics.countRequest({ route: '/a"\\\n', method: 'GET', status: 200, seconds });
    const text = metrics.text();
    const counts = [...text.matchAll(/_bucket\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(4);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(LINE);
  });

  test('include those of the daemon', async () => {
    const route = metricsRoute({
      status: () => STATUS,
      admission: new Admission(),
      metrics: new HttpMetrics(),
      sessions: { audioSeconds: 12.5 },
      live: { audioSeconds: 3 },
      uploads: home.paths.uploads,
    });
    const { body, headers } = await route.answer({} as never);
    expect(headers?.['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const line of textOf(body).trimEnd().split('\n')) expect(line).toMatch(LINE);
    expect(textOf(body)).toContain('sotto_audio_seconds_total{of="files"} 12.5\n');
    expect(textOf(body)).toContain('sotto_engine_restarts_total 2\n');
    expect(textOf(body)).toContain('sotto_model_weight_bytes{model="tiny"} 1000\n');
  });
});

test.each([
  ['ready', 200],
  ['busy', 200],
  ['starting', 503],
  ['degraded', 503],
  ['stopping', 503],
] as const)('a daemon that is %s is answered with %i', async (state, status) => {
  const reply = await healthRoute(() => ({ ...STATUS, state })).answer({} as never);
  expect(reply.status).toBe(status);
  expect(JSON.parse(textOf(reply.body))).toMatchObject({ state, model: { name: 'tiny' } });
});

function textOf(body: Reply['body']): string {
  return typeof body === 'string' ? body : '';
}

const STATUS: DaemonStatus = {
  pid: 1,
  version: '0.1.0',
  uptimeSeconds: 5,
  state: 'ready',
  engine: {
    state: 'ready',
    restarts: 2,
    model: { name: 'tiny', state: 'ready' },
    models: [{ name: 'tiny', state: 'ready', weightBytes: 1_000 }],
  },
  queue: { running: 0, queued: 0, final: 1, cancelled: 0, failed: 0 },
  dictations: 0,
  connections: 1,
  rssBytes: 5e7,
  socket: '/s',
  log: '/l',
};
