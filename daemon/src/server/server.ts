/** The daemon's face: HTTP on a Unix socket, and on it the WebSocket that clients speak. */
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions } from 'ws';
import { SottoError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/version.js';
import { Connection, type ConnectionContext } from './connection.js';
import { refusal, SOCKET_RULES } from './guard.js';
import { takeLock } from './lock.js';
import { checkSocketPath, listenAt, securePrivateFolder } from './socket.js';

/** Path of the WebSocket. */
export const WS_PATH = '/ws';

/** Above this a newcomer hears BUSY; Node's own limit lies above it and drops without a word. */
const MAX_CONNECTIONS = 1_024;
const PING_EVERY_MS = 15_000;
const DEAD_AFTER_MS = 45_000;

/** The two limits on fragments (CVE-2026-48779) are newer than the types of ws. */
const WS_OPTIONS: ServerOptions & { maxFragments: number; maxBufferedChunks: number } = {
  noServer: true,
  clientTracking: false,
  maxPayload: LIMITS.maxMessageBytes,
  perMessageDeflate: false,
  maxFragments: 16,
  maxBufferedChunks: 4_096,
};

export interface ServerContext extends ConnectionContext {
  readonly socketPath: string;
  /** Told when a client comes or goes, with how many there are. */
  readonly onConnections?: (count: number) => void;
}

export class SottoServer {
  readonly #http: Server;
  readonly #ws = new WebSocketServer(WS_OPTIONS);
  readonly #context: ServerContext;
  readonly #connections = new Set<Connection>();
  #calmBeat: () => void = () => undefined;

  private constructor(context: ServerContext) {
    this.#context = context;
    this.#http = createServer(
      {
        maxHeaderSize: 8 * 1024,
        headersTimeout: 5_000,
        requestTimeout: 10_000,
        connectionsCheckingInterval: 2_000,
      },
      (request, response) => this.#respond(request, response),
    );
    this.#http.maxConnections = MAX_CONNECTIONS + 76;
    this.#http.keepAliveTimeout = 5_000;
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on('clientError', (_error, socket) => {
      answerRaw(socket, new SottoError('INVALID_ARGUMENT', 'this is not HTTP as we know it'));
    });
  }

  /**
   * Becomes the user's one daemon and listens.
   * @throws SottoError DAEMON_RUNNING, UNAUTHORISED (the place is not safe), INVALID_ARGUMENT (path too long)
   */
  static async listen(context: ServerContext): Promise<SottoServer> {
    const folder = dirname(context.socketPath);
    checkSocketPath(context.socketPath);
    securePrivateFolder(folder);
    const lock = await takeLock(folder, context.socketPath);
    const server = new SottoServer(context);
    await listenAt(server.#http, context.socketPath, lock);
    server.#beat(context.clock.nowMs());
    return server;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Stops listening (the socket file goes) and ends every connection. */
  async close(): Promise<void> {
    this.#calmBeat();
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    for (const connection of this.#connections) connection.end();
    this.#http.closeAllConnections();
    await closed;
  }

  #beat(sinceMs: number): void {
    this.#calmBeat = this.#context.clock.after(PING_EVERY_MS, () => {
      const now = this.#context.clock.nowMs();
      const slept = now - sinceMs > 2 * PING_EVERY_MS;
      for (const connection of this.#connections) {
        if (slept) connection.forgive();
        connection.beat(DEAD_AFTER_MS);
      }
      this.#beat(now);
    });
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const refused = refusal(request, SOCKET_RULES);
    const upgradeOnly = request.url === WS_PATH;
    const error =
      refused ?? new SottoError('PROTOCOL', upgradeOnly ? `${WS_PATH} is a WebSocket` : 'nothing is here');
    const status = refused?.httpStatus ?? (upgradeOnly ? 426 : 404);
    const headers = {
      'content-type': 'application/json',
      connection: upgradeOnly ? 'Upgrade, close' : 'close',
    };
    response.writeHead(status, upgradeOnly ? { ...headers, upgrade: 'websocket' } : headers);
    response.end(bodyOf(error));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const refused = refusal(request, SOCKET_RULES);
    if (refused !== undefined) {
      answerRaw(socket, refused);
      return;
    }
    if (request.url !== WS_PATH) {
      answerRaw(socket, new SottoError('PROTOCOL', `the WebSocket is at ${WS_PATH}`), 404);
      return;
    }
    if (this.#connections.size >= MAX_CONNECTIONS) {
      answerRaw(socket, new SottoError('BUSY', `${MAX_CONNECTIONS} clients are connected`));
      return;
    }
    this.#ws.handleUpgrade(request, socket, head, (client) => {
      const connection = new Connection(client, this.#context);
      this.#connections.add(connection);
      client.on('close', () => {
        this.#connections.delete(connection);
        this.#context.onConnections?.(this.#connections.size);
      });
      this.#context.onConnections?.(this.#connections.size);
    });
  }
}

function bodyOf(error: SottoError): string {
  return `${JSON.stringify({ error: error.toWire() })}\n`;
}

/** An answer where there is no response object to write it with. */
function answerRaw(socket: Duplex, error: SottoError, status: number = error.httpStatus): void {
  const body = bodyOf(error);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  else socket.destroy();
}
