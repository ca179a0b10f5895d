/**
 * The guard as bytes on the wire: each row is sent to a real port with its token and to a socket file, as a request and as a
 * WebSocket handshake.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiToken } from '#daemon/store/api-token.js';
import { exchange, requestOf, type RawAnswer, type Target } from '#test/harness/raw-http.js';
import { serveTestApi, type TestApi } from '#test/harness/test-api.js';
import { tempHome } from '#test/harness/temp-home.js';

type Headers = readonly (readonly [string, string])[];

const home = tempHome();
let served: TestApi;
let port: Target;
let own = '';
let token = '';

beforeAll(async () => {
  served = await serveTestApi(home);
  const { http } = await served.port.handle({ do: 'start', port: 0 });
  token = await apiToken(home.paths.token);
  own = String(http?.port);
  port = { host: '127.0.0.1', port: Number(own) };
});

afterAll(async () => {
  await served.close();
  home.remove();
});

/** `P` is the port, `Q` another one. */
function filled(value: string): string {
  return value.replace(/\bP\b/g, own).replace(/\bQ\b/g, String(Number(own) - 1));
}

const HANDSHAKE: Headers = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];

interface Row {
  readonly what: string;
  /** Host at the port; at the socket file `localhost` by default. */
  readonly host?: string;
  readonly headers?: Headers;
  readonly method?: string;
  readonly served: boolean;
}

const host = (value: string, isServed = false): Row => ({
  what: `Host: ${value}`,
  host: value,
  served: isServed,
});
const origin = (value: string): Row => ({
  what: `Origin: ${value}`,
  headers: [['Origin', value]],
  served: false,
});
const fetched = (isServed: boolean, ...values: readonly (readonly [string, string])[]): Row => ({
  what: values.map(([name, value]) => `Sec-Fetch-${name}: ${value}`).join(', '),
  headers: values.map(([name, value]) => [`Sec-Fetch-${name}`, value]),
  served: isServed,
});

const ROWS: readonly Row[] = [
  ...['127.0.0.1:P', 'localhost:P', '[::1]:P'].map((value) => host(value, true)),
  ...['', 'localhost', '127.0.0.1', '[::1]', ':P', '127.0.0.1:Q', '127.0.0.1:80', '127.0.0.1:0P'].map(
    (value) => host(value),
  ),
  ...['LOCALHOST:P', 'localhost.:P', '127.1:P', '0x7f.1:P', '2130706433:P', '127.0.0.2:P'].map((value) =>
    host(value),
  ),
  ...['0.0.0.0:P', '[::]:P', '::1:P', '[::ffff:127.0.0.1]:P', '[0:0:0:0:0:0:0:1]:P'].map((value) =>
    host(value),
  ),
  ...['evil.localhost:P', 'localtest.me:P', 'evil.example:P', 'mac.local:P', 'xn--lcalhost-:P'].map((value) =>
    host(value),
  ),
  ...['evil@127.0.0.1:P', '127.0.0.1:P@evil.example', '127.0.0.1:P, evil.example', '127.0.0.1:P/'].map(
    (value) => host(value),
  ),
  ...['https://evil.example', 'http://evil.example:P', 'null', '', 'file://', 'app://sotto'].map(origin),
  ...['http://127.0.0.1:P', 'http://localhost:P', 'http://[::1]:P', 'http://127.0.0.1:Q'].map(origin),
  ...['chrome-extension://abc', 'vscode-webview://abc', 'tauri://localhost'].map(origin),
  // Node's fetch and WebSocket, and a program that copies the headers of a browser.
  fetched(true, ['Mode', 'cors']),
  fetched(true, ['Mode', 'websocket']),
  fetched(true, ['Site', 'none'], ['Mode', 'cors'], ['Dest', 'empty']),
  ...['cross-site', 'same-site', 'same-origin', '', 'NONE', 'none, none'].map((site) =>
    fetched(false, ['Site', site]),
  ),
  // Requests of page elements; an image has no Origin.
  fetched(false, ['Site', 'same-site'], ['Mode', 'no-cors'], ['Dest', 'image']),
  fetched(false, ['Site', 'cross-site'], ['Mode', 'no-cors'], ['Dest', 'empty']),
  fetched(false, ['Site', 'cross-site'], ['Mode', 'navigate'], ['Dest', 'iframe']),
  // The address bar.
  fetched(false, ['Site', 'none'], ['Mode', 'navigate'], ['Dest', 'document']),
  ...['document', 'image', 'audio', 'script', 'iframe', 'worker'].map((dest) =>
    fetched(false, ['Dest', dest]),
  ),
  fetched(false, ['Mode', 'navigate']),
  {
    what: 'a preflight',
    method: 'OPTIONS',
    headers: [
      ['Origin', 'https://evil.example'],
      ['Access-Control-Request-Method', 'POST'],
      ['Access-Control-Request-Headers', 'authorization'],
    ],
    served: false,
  },
  {
    what: 'a preflight for the private network',
    method: 'OPTIONS',
    headers: [
      ['Origin', 'https://evil.example'],
      ['Access-Control-Request-Private-Network', 'true'],
      ['Access-Control-Request-Local-Network', 'true'],
    ],
    served: false,
  },
  { what: 'half a preflight', headers: [['Access-Control-Request-Method', 'POST']], served: false },
  {
    what: 'a proxy’s word for another Host',
    host: 'evil.example',
    headers: [['X-Forwarded-Host', '127.0.0.1:P']],
    served: false,
  },
  {
    what: 'a proxy’s word for another Host',
    host: 'evil.example',
    headers: [['Forwarded', 'host=127.0.0.1:P']],
    served: false,
  },
  {
    what: 'a proxy’s word that does not matter',
    headers: [['X-Forwarded-Host', 'evil.example']],
    served: true,
  },
  {
    what: 'a page behind a proxy',
    headers: [
      ['Origin', 'null'],
      ['X-Forwarded-For', '127.0.0.1'],
    ],
    served: false,
  },
  { what: 'two Hosts that are the same', headers: [['Host', '127.0.0.1:P']], served: false },
  { what: 'two Hosts', headers: [['host', 'evil.example']], served: false },
];

/** The same row at the socket file, which accepts only the Host `localhost`. */
function atSocket(row: Row): { host: string; isServed: boolean } {
  if (row.host === undefined) return { host: 'localhost', isServed: row.served };
  const value = row.host === 'localhost' ? 'localhost.' : row.host;
  return { host: filled(value), isServed: false };
}

function send(row: Row, target: Target, hostValue: string, upgrades: boolean): Promise<RawAnswer> {
  const headers: Headers = [
    ['Host', hostValue],
    ...(target === port ? [['Authorization', `Bearer ${token}`] as const] : []),
    ...(row.headers ?? []).map(([name, value]) => [name, filled(value)] as const),
    ...(upgrades ? HANDSHAKE : []),
  ];
  const method = upgrades ? 'GET' : (row.method ?? 'GET');
  return exchange(target, requestOf(`${method} ${upgrades ? '/talk' : '/here/me'} HTTP/1.1`, headers));
}

/** The answer without the request id. */
function answerText({ head, body }: RawAnswer): string {
  return `${head}\n${body}`.replace(/^(date|x-request-id): .*$/gim, '');
}

describe('the guard, at a port and at a socket file', () => {
  test('has a row for each known attack', () => {
    expect(ROWS.length).toBeGreaterThan(60);
  });

  test.each(ROWS)('$what → served: $served', async (row) => {
    const before = [served.handshakes(), served.api.admission.admitted];
    const answers: [RawAnswer, boolean, number][] = [];
    const { host: socketHost, isServed: isServedAtSocket } = atSocket(row);
    const portHost = filled(row.host ?? '127.0.0.1:P');
    for (const upgrades of [false, true]) {
      const good = upgrades ? 101 : 200;
      answers.push([await send(row, port, portHost, upgrades), row.served, good]);
      answers.push([await send(row, served.socket, socketHost, upgrades), isServedAtSocket, good]);
    }
    for (const [answer, isServed, good] of answers) {
      expect(answer.status).toBe(isServed ? good : 403);
      expect(answer.head).not.toMatch(/access-control/i);
      expect(answerText(answer)).not.toMatch(/evil|sotto_/);
      expect(JSON.parse(isServed ? '{}' : answer.body)).toEqual(
        isServed ? {} : { error: expect.objectContaining({ code: 'UNAUTHORIZED' }) as unknown },
      );
    }
    const shaken = answers.filter(([{ status }]) => status === 101).length;
    expect([served.handshakes(), served.api.admission.admitted]).toEqual([
      (before[0] ?? 0) + shaken,
      before[1],
    ]);
  });

  test('gives the same answer to all refused requests', async () => {
    const refused = ROWS.filter((row) => !row.served && row.method === undefined).slice(0, 30);
    const answers = await Promise.all(
      refused.map((row) => send(row, port, filled(row.host ?? '127.0.0.1:P'), false)),
    );
    expect(new Set(answers.map(answerText)).size).toBe(1);
  });

  test('refuses a page before it checks the token, and a missing token before it finds the route', async () => {
    const of = async (...headers: Headers): Promise<number> => {
      const request = requestOf('GET /nothing HTTP/1.1', [['Host', filled('127.0.0.1:P')], ...headers]);
      return (await exchange(port, request)).status;
    };
    expect(await of(['Origin', 'null'], ['Authorization', 'Bearer guess'])).toBe(403);
    expect(await of(['Authorization', 'Bearer guess'])).toBe(401);
    expect(await of()).toBe(401);
    expect(await of(['Authorization', `Bearer ${token}`])).toBe(404);
  });
});

describe('a malformed request', () => {
  const good = (): string =>
    `Host: ${filled('127.0.0.1:P')}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n`;

  test.each([
    ['no Host', () => 'GET /here/me HTTP/1.1\r\nConnection: close\r\n\r\n', 403],
    ['no Host, of HTTP/1.0', () => 'GET /here/me HTTP/1.0\r\n\r\n', 403],
    ['the form for proxies', () => `GET http://127.0.0.1:${own}/here/me HTTP/1.1\r\n${good()}\r\n`, 403],
    [
      'the form for proxies, for another host',
      () => `GET http://evil.example/here/me HTTP/1.1\r\n${good()}\r\n`,
      403,
    ],
    ['no path', () => `OPTIONS * HTTP/1.1\r\n${good()}\r\n`, 403],
    ['an endless URL', () => `GET /${'a'.repeat(3_000)} HTTP/1.1\r\n${good()}\r\n`, 413],
    ['endless headers', () => `GET / HTTP/1.1\r\n${good()}X: ${'a'.repeat(20_000)}\r\n\r\n`, 413],
    ['ten thousand headers', () => `GET / HTTP/1.1\r\n${good()}${'X: y\r\n'.repeat(10_000)}\r\n`, 413],
    [
      'two lengths',
      () => `POST /work HTTP/1.1\r\n${good()}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`,
      400,
    ],
    [
      'a length and chunks',
      () =>
        `POST /work HTTP/1.1\r\n${good()}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'chunks with an invalid length',
      () => `POST /work HTTP/1.1\r\n${good()}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['an invalid length', () => `POST /work HTTP/1.1\r\n${good()}Content-Length: -1\r\n\r\n`, 400],
    ['a header in two lines', () => `GET /here/me HTTP/1.1\r\n${good()}X: a\r\n b\r\n\r\n`, 400],
    ['a header without a name', () => `GET /here/me HTTP/1.1\r\n${good()}: x\r\n\r\n`, 400],
    ['an unknown method', () => `SING /here/me HTTP/1.1\r\n${good()}\r\n`, 400],
    ['another language', () => '\x16\x03\x01\x02\x00\x01\x00\x01', 400],
    ['HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    [
      'an upgrade to HTTP/2',
      () =>
        `GET /here/me HTTP/1.1\r\n${good().replace('close', 'Upgrade, HTTP2-Settings')}Upgrade: h2c\r\n\r\n`,
      400,
    ],
    ['another method', () => `PUT /here/me HTTP/1.1\r\n${good()}\r\n`, 405],
    ['TRACE', () => `TRACE /here/me HTTP/1.1\r\n${good()}\r\n`, 405],
    ['OPTIONS of a program', () => `OPTIONS /here/me HTTP/1.1\r\n${good()}\r\n`, 405],
    ['a path that looks like a host', () => `GET //evil.example/ HTTP/1.1\r\n${good()}\r\n`, 404],
    [
      'the WebSocket of Sotto’s own clients, which takes paths',
      () => `GET /ws HTTP/1.1\r\n${good()}\r\n`,
      404,
    ],
  ])('%s', async (_, bytes, status) => {
    const answer = await exchange(port, bytes());
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: expect.any(String) as unknown } });
    expect(answer.head).not.toMatch(/access-control/i);
    expect(served.bytesRead()).toBe(0);
  });

  const HANDSHAKES: readonly [string, (headers: Headers) => Headers, string][] = [
    ['no key', (all) => all.filter(([name]) => name !== 'Sec-WebSocket-Key'), 'GET'],
    [
      'an invalid key',
      (all) => all.map(([name, value]) => [name, name.endsWith('Key') ? 'x' : value]),
      'GET',
    ],
    [
      'another version',
      (all) => all.map(([name, value]) => [name, name.endsWith('Version') ? '7' : value]),
      'GET',
    ],
    ['invalid subprotocols', (all) => [...all, ['Sec-WebSocket-Protocol', 'a,,b']], 'GET'],
    ['another method', (all) => all, 'POST'],
  ];
  test.each(HANDSHAKES)('a handshake with %s', async (_, changed, method) => {
    const headers: Headers = [
      ['Host', filled('127.0.0.1:P')],
      ['Authorization', `Bearer ${token}`],
      ...changed(HANDSHAKE),
    ];
    const { status, head, body } = await exchange(port, requestOf(`${method} /talk HTTP/1.1`, headers));
    expect([status, head]).toEqual([400, expect.stringMatching(/^content-type: application\/json$/im)]);
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'PROTOCOL' } });
  });

  test('CONNECT is closed without an answer', async () => {
    const { head } = await exchange(port, `CONNECT evil.example:443 HTTP/1.1\r\n${good()}\r\n`);
    expect(head).toBe('');
  });
});

describe('the token', () => {
  const handle = async (path: string, headers: Headers): Promise<number> =>
    (await exchange(port, requestOf(`GET ${path} HTTP/1.1`, [['Host', filled('127.0.0.1:P')], ...headers])))
      .status;
  const key = (value: string): Headers => [
    ...HANDSHAKE,
    ['Sec-WebSocket-Protocol', `realtime, openai-insecure-api-key.${value}`],
  ];

  test.each<[string, string, () => Headers, number]>([
    ['none', '/here/me', () => [], 401],
    ['the right one', '/here/me', () => [['Authorization', `Bearer ${token}`]], 200],
    ['the right one, in lowercase', '/here/me', () => [['authorization', `bearer ${token}`]], 200],
    ['another one', '/here/me', () => [['Authorization', `Bearer sotto_${'A'.repeat(43)}`]], 401],
    ['most of it', '/here/me', () => [['Authorization', `Bearer ${token.slice(0, -1)}`]], 401],
    ['more than it', '/here/me', () => [['Authorization', `Bearer ${token}A`]], 401],
    ['an empty Bearer', '/here/me', () => [['Authorization', 'Bearer ']], 401],
    [
      'as a password',
      '/here/me',
      () => [['Authorization', `Basic ${Buffer.from(`:${token}`).toString('base64')}`]],
      401,
    ],
    ['without Bearer', '/here/me', () => [['Authorization', token]], 401],
    ['in the URL', '/here/me?api_key=T', () => [], 401],
    ['in another header', '/here/me', () => [['X-Api-Key', token]], 401],
    [
      'twice',
      '/here/me',
      () => [
        ['Authorization', `Bearer ${token}`],
        ['Authorization', `Bearer ${token}`],
      ],
      401,
    ],
    [
      'with another one',
      '/here/me',
      () => [
        ['Authorization', `Bearer ${token}`],
        ['authorization', 'Bearer x'],
      ],
      401,
    ],
    [
      'as a subprotocol without a WebSocket',
      '/here/me',
      () => [['Sec-WebSocket-Protocol', `openai-insecure-api-key.${token}`]],
      401,
    ],
    ['as a subprotocol', '/talk', () => key(token), 101],
    ['another one as a subprotocol', '/talk', () => key('guess'), 401],
    ['none, for a WebSocket', '/talk', () => HANDSHAKE, 401],
  ])('%s', async (_, path, headers, status) => {
    expect(await handle(path.replace('=T', `=${token}`), headers())).toBe(status);
  });

  test('is required only at the port', async () => {
    const { status } = await exchange(
      served.socket,
      requestOf('GET /here/me HTTP/1.1', [['Host', 'localhost']]),
    );
    expect(status).toBe(200);
  });
});
