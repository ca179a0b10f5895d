/**
 * HTTP and WebSocket on a socket file or a port. Every request passes the same checks in the same order: size, Host, Origin,
 * token, route, admission. Its body is read only after all of them.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { Logger } from '../../logger.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import { refusal, type GuardRules } from '../guard.js';
import { closeSoon } from '../websocket.js';
import type { Admission } from './admission.js';
import { hasBody, DEFAULT_UPLOAD_TIMEOUT, watchUpload, type UploadTimeout } from './upload-timeout.js';
import { sendInterimResponses } from './interim-responses.js';
import type { HttpMetrics } from './metrics.js';
import type { Call, Reply, Route, SocketRoute } from './route.js';
import { Router } from './router.js';
import { sendRaw, refuse, send, drainRequest } from './send.js';
import { tokenRefusal } from './token.js';
import { defined } from '../../protocol/defined.js';

/** Node drops connections above its limit without an answer, so that limit is higher than ours, which answers BUSY. */
const SPARE_CONNECTIONS = 76;
const MAX_CONNECTIONS = 1_024;
/**
 * Unanswered requests per connection. A client that pipelines thousands of requests and reads nothing would make this process
 * keep all answers. Few clients pipeline, and those handle a closed connection.
 */
const MAX_PIPELINED_REQUESTS = 8;

interface HttpServerOptions {
  readonly rules: GuardRules;
  /** Required in each request; a socket file is protected only by its mode. */
  readonly token?: () => string;
  readonly routes: readonly Route[];
  readonly sockets: readonly SocketRoute[];
  readonly admission: Admission;
  readonly metrics?: HttpMetrics;
  /** Minimum rate of a request body. */
  readonly uploadTimeout?: UploadTimeout;
  /** How long a client may leave its answer unread. */
  readonly unreadMs?: number;
  readonly log: Logger;
}

/** nginx's status for a client that disconnected before the answer. */
const CLIENT_CLOSED_REQUEST = 499;

interface ServedSocket {
  readonly route: SocketRoute;
  readonly server: WebSocketServer;
}

export class HttpServer {
  /** For the caller to listen with. */
  readonly http: Server;
  readonly #options: HttpServerOptions;
  readonly #router: Router;
  readonly #sockets = new Map<string, ServedSocket>();
  /** Controllers of the calls in progress. */
  readonly #calls = new Set<AbortController>();
  readonly #clients = new Set<WebSocket>();
  /** For each connection: functions that end its unsent answers. */
  readonly #pipelined = new WeakMap<Duplex, Set<() => void>>();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#router = new Router(options.routes);
    for (const route of options.sockets) {
      const server = new WebSocketServer(socketOptions(route));
      // By default ws answers in HTML.
      server.on('wsClientError', (error, socket, request) =>
        this.#sendRaw(socket, handshakeError(error), request),
      );
      this.#sockets.set(route.path, { route, server });
    }
    this.http = createServer(
      {
        maxHeaderSize: 8 * 1024,
        headersTimeout: 5_000,
        // A body may take as long as its audio; `watchUpload` checks its rate.
        requestTimeout: 0,
        connectionsCheckingInterval: 2_000,
        // The guard checks it with an error message of ours.
        requireHostHeader: false,
      },
      (request, response) => void this.#respond(request, response),
    );
    // `100 Continue` is sent only after all checks.
    this.http.on('checkContinue', (request, response) => void this.#respond(request, response, true));
    this.http.maxConnections = MAX_CONNECTIONS + SPARE_CONNECTIONS;
    // Longer than clients keep an idle connection (httpx 5 s, undici 4 s), so that it is the client that closes it.
    this.http.keepAliveTimeout = 20_000;
    // For example too many open files: existing connections continue.
    this.http.on('error', ({ message }) => options.log.error({ message }, 'could not accept a connection'));
    this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.http.on('clientError', (error: NodeJS.ErrnoException, socket) =>
      this.#sendRaw(socket, parseError(error)),
    );
  }

  /** Closes all WebSockets with a code and reason of RFC 6455. */
  endClients(code: number, reason: string): void {
    for (const client of this.#clients) closeSoon(client, code, reason);
  }

  /** Stops listening and aborts open requests. WebSockets are closed by `endClients` or by their routes. */
  async close(): Promise<void> {
    for (const call of this.#calls) call.abort();
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    this.http.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse, expectsContinue = false): Promise<void> {
    const id = requestId();
    const sinceMs = performance.now();
    const controller = new AbortController();
    const { signal } = controller;
    let release: (() => void) | undefined;
    let served = 'none';
    const onEnd = (): void => {
      controller.abort();
      this.#calls.delete(controller);
      const status = response.headersSent ? response.statusCode : CLIENT_CLOSED_REQUEST;
      const seconds = (performance.now() - sinceMs) / 1000;
      this.#options.metrics?.countRequest({ route: served, method: request.method ?? '', status, seconds });
    };
    if (!this.#startRequest(request.socket, response, onEnd)) return;
    this.#calls.add(controller);
    const interimTimer = sendInterimResponses(request, response);
    try {
      this.#pass(request);
      const { path, query } = splitTarget(request);
      if (this.#sockets.has(path)) throw new SottoError('UPGRADE_REQUIRED', `${path} is a WebSocket`);
      const { route, params } = this.#router.find(request.method ?? '', path);
      served = route.path;
      if (route.usesEngine === true) release = this.#options.admission.enter();
      if (expectsContinue) response.writeContinue();
      const reply = await this.#answer(route, { request, id, params, query, signal });
      const { unreadMs } = this.#options;
      await send(response, reply, { id, signal, ...defined({ unreadMs }) });
      drainRequest(request);
    } catch (thrown) {
      await this.#failed(request, response, thrown, id);
      controller.abort();
    } finally {
      interimTimer.cancel();
      release?.();
    }
  }

  /** @returns false if the connection is closed, also because of too many pipelined requests */
  #startRequest(socket: Duplex, response: ServerResponse, onEnd: () => void): boolean {
    const pipelined = this.#pipelined.get(socket) ?? new Set();
    if (!this.#pipelined.has(socket)) {
      this.#pipelined.set(socket, pipelined);
      // A pipelined response emits no `close` when its connection closes.
      socket.once('close', () => {
        for (const end of pipelined) end();
      });
    }
    if (pipelined.size >= MAX_PIPELINED_REQUESTS) socket.destroy();
    if (socket.destroyed) return false;
    const end = (): void => {
      if (pipelined.delete(end)) onEnd();
    };
    pipelined.add(end);
    response.once('close', end);
    return true;
  }

  async #answer(route: Route, call: Call): Promise<Reply> {
    if (!hasBody(call.request)) return route.answer(call);
    const watch = watchUpload(call.request, this.#options.uploadTimeout ?? DEFAULT_UPLOAD_TIMEOUT);
    try {
      return await Promise.race([route.answer(call), watch.failed]);
    } finally {
      watch.stop();
    }
  }

  async #failed(
    request: IncomingMessage,
    response: ServerResponse,
    thrown: unknown,
    id: string,
  ): Promise<void> {
    const error = codedError(thrown);
    if (error.code === 'INTERNAL')
      this.#options.log.error({ request: id, message: error.message }, 'request not served');
    // Too late for a status: the client notices the truncated body.
    if (response.headersSent) response.destroy();
    else if (!response.destroyed) await refuse(request, response, error, id);
  }

  /** @throws SottoError why the request is not served */
  #pass(request: IncomingMessage): void {
    const { rules, token } = this.#options;
    const refused = refusal(request, rules) ?? (token && tokenRefusal(request, token()));
    if (refused !== undefined) throw refused;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    try {
      this.#pass(request);
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw unsupportedUpgrade();
      const { path, query } = splitTarget(request);
      const served = this.#sockets.get(path);
      if (served === undefined) throw new SottoError('NOT_FOUND', 'there is no WebSocket at this path');
      if (this.#clients.size >= MAX_CONNECTIONS)
        throw new SottoError('BUSY', `${MAX_CONNECTIONS} clients are connected`);
      const { route, server } = served;
      server.handleUpgrade(request, socket, head, (client) => {
        const closed = this.#options.metrics?.countSocket(route.path);
        this.#clients.add(client);
        // ws closes the connection with the right code; without a listener the error would end this process.
        client.on('error', () => undefined);
        client.on('close', () => {
          this.#clients.delete(client);
          closed?.();
        });
        route.open(client, { request, id: requestId(), query });
      });
    } catch (thrown) {
      this.#sendRaw(socket, codedError(thrown), request);
    }
  }

  /** @param request undefined if it could not be parsed, so that the client may still be sending */
  #sendRaw(socket: Duplex, error: SottoError, request?: IncomingMessage): void {
    const { method = 'other' } = request ?? {};
    this.#options.metrics?.countRequest({ route: 'none', method, status: error.httpStatus, seconds: 0 });
    sendRaw(socket, error, request === undefined);
  }
}

/** The types of ws lack the two fragment limits (CVE-2026-48779). */
function socketOptions({
  protocols,
  maxMessageBytes,
}: SocketRoute): ServerOptions & { maxFragments: number; maxBufferedChunks: number } {
  return {
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    maxFragments: 16,
    // A large message of a slow client arrives in many chunks.
    maxBufferedChunks: Math.max(4_096, maxMessageBytes / 1_024),
    handleProtocols: (offered) => protocols?.find((name) => offered.has(name)) ?? false,
  };
}

function parseError({ code }: NodeJS.ErrnoException): SottoError {
  if (code === 'HPE_HEADER_OVERFLOW') return new SottoError('PAYLOAD_TOO_LARGE', 'the headers are too long');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new SottoError('REQUEST_TIMEOUT', 'the request did not arrive');
  return new SottoError('PROTOCOL', 'malformed HTTP request');
}

/** Clients that try HTTP/2 first send an upgrade request that can't be handled as HTTP/1. */
function unsupportedUpgrade(): SottoError {
  return new SottoError('PROTOCOL', 'the server supports only HTTP/1.1 and WebSocket', {
    hint: 'set the client to HTTP/1.1, without an upgrade to HTTP/2',
  });
}

function handshakeError({ message }: Error): SottoError {
  return new SottoError('PROTOCOL', `invalid WebSocket handshake: ${message}`, {
    hint: 'use a WebSocket client (RFC 6455, version 13)',
  });
}

/** Without a URL parser, which reads `//elsewhere/` as a host and throws for `//[`. */
function splitTarget({ url = '/' }: IncomingMessage): { path: string; query: URLSearchParams } {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  return { path, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) };
}

function requestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}
