/**
 * HTTP and WebSocket at one place, a socket file or a port: every request passes the same doors in the same order: size,
 * Host, no Origin, token, route, admission; its body is read only behind all of them.
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

/** Node's own limit on connections lies a little above ours and drops without a word. */
const SPARE_CONNECTIONS = 76;
const MAX_CONNECTIONS = 1_024;
/**
 * Requests of a connection that are not answered yet. Who sends thousands ahead and reads nothing would have us keep all of
 * the answers; few clients send any ahead, and those know that the connection may end.
 */
const MAX_PIPELINED_REQUESTS = 8;

interface HttpServerOptions {
  readonly rules: GuardRules;
  /** What a request has to carry; a socket file is guarded by its mode alone. */
  readonly token?: () => string;
  readonly routes: readonly Route[];
  readonly sockets: readonly SocketRoute[];
  readonly admission: Admission;
  readonly metrics?: HttpMetrics;
  /** How slowly a body may come. */
  readonly uploadTimeout?: UploadTimeout;
  /** How long a client may take nothing of its answer. */
  readonly unreadMs?: number;
  readonly log: Logger;
}

/** What nginx writes down where nobody waited for the answer. */
const CLIENT_CLOSED_REQUEST = 499;

interface ServedSocket {
  readonly route: SocketRoute;
  readonly server: WebSocketServer;
}

export class HttpServer {
  /** To listen with. */
  readonly http: Server;
  readonly #options: HttpServerOptions;
  readonly #router: Router;
  readonly #sockets = new Map<string, ServedSocket>();
  /** Of calls that are being answered. */
  readonly #calls = new Set<AbortController>();
  readonly #clients = new Set<WebSocket>();
  /** Of each connection, how to end the answers that are not sent yet. */
  readonly #pipelined = new WeakMap<Duplex, Set<() => void>>();

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#router = new Router(options.routes);
    for (const route of options.sockets) {
      const server = new WebSocketServer(socketOptions(route));
      // ws would answer in HTML.
      server.on('wsClientError', (error, socket, request) =>
        this.#sendRaw(socket, handshakeError(error), request),
      );
      this.#sockets.set(route.path, { route, server });
    }
    this.http = createServer(
      {
        maxHeaderSize: 8 * 1024,
        headersTimeout: 5_000,
        // A body is as long as its audio: whoever reads it sees that it keeps coming.
        requestTimeout: 0,
        connectionsCheckingInterval: 2_000,
        // The guard says so itself, in our words.
        requireHostHeader: false,
      },
      (request, response) => void this.#respond(request, response),
    );
    // Who asks first whether to send the body hears it once all doors are passed.
    this.http.on('checkContinue', (request, response) => void this.#respond(request, response, true));
    this.http.maxConnections = MAX_CONNECTIONS + SPARE_CONNECTIONS;
    // Longer than clients keep an idle connection (httpx 5 s, undici 4 s): who closes first must not be the one who is asked.
    this.http.keepAliveTimeout = 20_000;
    // Such as a process that may open no more files: it goes on with those that it has.
    this.http.on('error', ({ message }) => options.log.error({ message }, 'no connection taken'));
    this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.http.on('clientError', (error: NodeJS.ErrnoException, socket) =>
      this.#sendRaw(socket, parseError(error)),
    );
  }

  /** Ends every WebSocket that is open here, with a code and word of RFC 6455. */
  endClients(code: number, reason: string): void {
    for (const client of this.#clients) closeSoon(client, code, reason);
  }

  /** Takes no more requests, and lets go of those that are open. The WebSockets are for `endClients`, or their routes, to end. */
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
    let leave: (() => void) | undefined;
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
      if (route.usesEngine === true) leave = this.#options.admission.enter();
      if (expectsContinue) response.writeContinue();
      const reply = await this.#answer(route, { request, id, params, query, signal });
      const { unreadMs } = this.#options;
      await send(response, reply, { id, signal, ...defined({ unreadMs }) });
      drainRequest(request);
    } catch (thrown) {
      await this.#failed(request, response, thrown, id);
      controller.abort();
    } finally {
      interimTimer();
      leave?.();
    }
  }

  /** Ends the connection where too many are ahead; what else of it is parsed already is not looked at. */
  #startRequest(socket: Duplex, response: ServerResponse, onEnd: () => void): boolean {
    const pipelined = this.#pipelined.get(socket) ?? new Set();
    if (!this.#pipelined.has(socket)) {
      this.#pipelined.set(socket, pipelined);
      // An answer that waits behind others hears nothing of the end of its connection.
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
      watch.end();
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
    // Too late for a status: the client sees that it was cut short.
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
      if (served === undefined) throw new SottoError('NOT_FOUND', 'no WebSocket is here');
      if (this.#clients.size >= MAX_CONNECTIONS)
        throw new SottoError('BUSY', `${MAX_CONNECTIONS} clients are connected`);
      const { route, server } = served;
      server.handleUpgrade(request, socket, head, (client) => {
        const closed = this.#options.metrics?.countSocket(route.path);
        this.#clients.add(client);
        // It broke a rule of WebSocket, and ws closes with the code for it; unheard it would end this process.
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

  /** @param request that was understood: then it has come to its end */
  #sendRaw(socket: Duplex, error: SottoError, request?: IncomingMessage): void {
    const { method = 'other' } = request ?? {};
    this.#options.metrics?.countRequest({ route: 'none', method, status: error.httpStatus, seconds: 0 });
    sendRaw(socket, error, request === undefined);
  }
}

/** The two limits on fragments (CVE-2026-48779) are newer than the types of ws. */
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
    // A large message of a slow client comes in many.
    maxBufferedChunks: Math.max(4_096, maxMessageBytes / 1_024),
    handleProtocols: (offered) => protocols?.find((name) => offered.has(name)) ?? false,
  };
}

function parseError({ code }: NodeJS.ErrnoException): SottoError {
  if (code === 'HPE_HEADER_OVERFLOW') return new SottoError('PAYLOAD_TOO_LARGE', 'the headers are too long');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new SottoError('REQUEST_TIMEOUT', 'the request did not arrive');
  return new SottoError('PROTOCOL', 'this is not HTTP as we know it');
}

/** Clients that try for HTTP/2 first do so with a request that can't be given back to HTTP/1. */
function unsupportedUpgrade(): SottoError {
  return new SottoError('PROTOCOL', 'only WebSocket is spoken here besides HTTP/1.1', {
    hint: 'have the client use HTTP/1.1, without an upgrade to HTTP/2',
  });
}

function handshakeError({ message }: Error): SottoError {
  return new SottoError('PROTOCOL', `this is no handshake of a WebSocket: ${message}`, {
    hint: 'use a client for WebSocket (RFC 6455, version 13)',
  });
}

/** By hand: to a parser of URLs `//elsewhere/` is a host, and `//[` an exception. */
function splitTarget({ url = '/' }: IncomingMessage): { path: string; query: URLSearchParams } {
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  return { path, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) };
}

function requestId(): string {
  return `req_${randomBytes(12).toString('hex')}`;
}
