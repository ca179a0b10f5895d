/** A small API served like the daemon's: at a port with a token, and at a socket. */
import { createServer as createPlain, type Server } from 'node:net';
import { join } from 'node:path';
import { silentLog } from '#daemon/logger.js';
import type { Api } from '#daemon/server/api.js';
import { SOCKET_RULES } from '#daemon/server/guard.js';
import { Admission } from '#daemon/server/http/admission.js';
import type { UploadTimeout } from '#daemon/server/http/upload-timeout.js';
import { HttpServer } from '#daemon/server/http/http-server.js';
import { HttpMetrics } from '#daemon/server/http/metrics.js';
import { ApiPort, type PortOptions } from '#daemon/server/http/port.js';
import { json, type Route } from '#daemon/server/http/route.js';
import type { Target } from './raw-http.js';
import type { TempHome } from './temp-home.js';
import { defined } from '#daemon/protocol/defined.js';

export interface TestApi {
  readonly api: Api;
  readonly port: ApiPort;
  readonly socket: Target;
  /** Body bytes read by a route. */
  bytesRead(): number;
  /** Completed WebSocket handshakes. */
  handshakes(): number;
  close(): Promise<void>;
}

interface TestApiOptions {
  readonly uploadTimeout?: UploadTimeout;
  readonly maxActive?: number;
  readonly unreadMs?: number;
  readonly port?: Partial<PortOptions>;
}

/** The port is still closed. */
export async function serveTestApi(home: TempHome, options: TestApiOptions = {}): Promise<TestApi> {
  let bytesRead = 0;
  let handshakes = 0;
  const work: Route = {
    method: 'POST',
    path: '/work',
    usesEngine: true,
    answer: async ({ request }) => {
      let bytes = 0;
      for await (const chunk of request) bytes += (chunk as Buffer).length;
      bytesRead += bytes;
      return json({ bytes });
    },
  };
  const here: Route = {
    method: 'GET',
    path: '/here/{name}',
    answer: ({ params }) => Promise.resolve(json(params)),
  };
  const parts: Route = {
    method: 'GET',
    path: '/parts',
    answer: () => Promise.resolve({ headers: { 'content-type': 'text/plain' }, body: threeParts() }),
  };
  const much: Route = {
    method: 'GET',
    path: '/much',
    answer: ({ query }) => Promise.resolve({ body: query.has('parts') ? endless() : 'a'.repeat(20_000_000) }),
  };
  const api: Api = {
    routes: [work, here, parts, much],
    sockets: [
      {
        path: '/talk',
        protocols: ['realtime'],
        maxMessageBytes: 1024,
        open: (socket) => {
          handshakes += 1;
          socket.on('message', (data) => socket.send(data));
        },
      },
    ],
    admission: new Admission({ ...defined({ maxActive: options.maxActive }) }),
    metrics: new HttpMetrics(),
  };
  const path = join(home.folder, 'api');
  const { uploadTimeout, unreadMs } = options;
  const limits = { ...defined({ uploadTimeout, unreadMs }) };
  const httpServer = new HttpServer({ ...api, ...limits, rules: SOCKET_RULES, log: silentLog });
  await new Promise<void>((resolve) => httpServer.http.listen(path, resolve));
  let wanted: number | undefined;
  const port = new ApiPort({
    api,
    token: home.paths.token,
    discovery: home.paths.discovery,
    wanted: () => wanted,
    want: (chosen) => {
      wanted = chosen;
      return Promise.resolve();
    },
    log: silentLog,
    ...options.port,
  });
  return {
    api,
    port,
    socket: { path },
    bytesRead: () => bytesRead,
    handshakes: () => handshakes,
    close: async () => {
      httpServer.endClients(1001, 'the test is over');
      await Promise.all([httpServer.close(), port.close()]);
    },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- parts come one after another
async function* threeParts(): AsyncGenerator<string> {
  for (const part of ['one ', 'two ', 'three']) yield part;
}

// eslint-disable-next-line @typescript-eslint/require-await -- as above
async function* endless(): AsyncGenerator<string> {
  for (;;) yield 'a'.repeat(10_000);
}

/** Another server at a port of this machine. */
export async function occupyPort(host: string, port = 0): Promise<{ port: number; close(): Promise<void> }> {
  const server: Server = createPlain((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
