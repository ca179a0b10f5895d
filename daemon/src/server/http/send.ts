/** Sends replies as fast as the client reads them, and closes connections without losing the end. */
import { once } from 'node:events';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SottoError } from '../../protocol/errors.js';
import { hasBody } from './upload-timeout.js';
import { errorBody, errorHeaders } from './error-body.js';
import { json, type Reply } from './route.js';

/** Replies are neither for caches nor for web pages. */
const COMMON_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};
/** How much and how long a refused client may continue to send before its connection is closed. */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_TIMEOUT_MS = 1_000;
/** A client that reads nothing for this long is disconnected. A long body gets this time for each megabyte. */
const WRITE_TIMEOUT_MS = 60_000;

interface SendOptions {
  readonly id: string;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
  readonly unreadMs?: number;
}

function errorReply(error: SottoError): Reply {
  return json(errorBody(error), { status: error.httpStatus, headers: errorHeaders(error) });
}

/** Resolves when the reply is sent, or the client has disconnected. */
export async function send(
  response: ServerResponse,
  reply: Reply,
  { id, signal, unreadMs = WRITE_TIMEOUT_MS }: SendOptions,
): Promise<void> {
  const { status = 200, headers, body } = reply;
  const isText = typeof body === 'string';
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'x-request-id': id,
    ...(isText && { 'content-length': Buffer.byteLength(body) }),
    ...headers,
  });
  if (isText) {
    end(response, response.req.method === 'HEAD' ? '' : body, unreadMs);
    return;
  }
  // Sends the header at once, because the first part may take long.
  response.flushHeaders();
  for await (const part of body) {
    if (signal.aborted || response.destroyed) return;
    if (response.write(part)) continue;
    const timer = setTimeout(() => response.destroy(), unreadMs);
    await once(response, 'drain', { signal }).catch(() => undefined);
    clearTimeout(timer);
  }
  end(response, '', unreadMs);
}

function end(response: ServerResponse, text: string, unreadMs: number): void {
  // A destroyed response emits no `close`, so the timer would never be cleared.
  if (response.destroyed) return;
  const timer = setTimeout(() => response.destroy(), unreadMs * (1 + text.length / 1e6));
  // A pipelined response may never emit `close`; its timer must not keep the process alive.
  timer.unref();
  response.once('close', () => clearTimeout(timer));
  response.end(text);
}

/**
 * Answers a request without reading its body. Closing a connection with unread bytes resets it, and the reset may overtake the
 * answer (RFC 9112 §9.6), as it may if Node closes it. So the connection stays open for a moment and the rest of the body is
 * discarded. Clients stop sending once they have read the answer.
 */
export async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  error: SottoError,
  id: string,
): Promise<void> {
  const { signal } = new AbortController();
  drainRequest(request);
  await send(response, errorReply(error), { id, signal });
}

/** Discards the rest of a body for a moment; a client that continues to send is disconnected. */
export function drainRequest(request: IncomingMessage): void {
  if (request.complete || !hasBody(request)) return;
  const { socket } = request;
  let left = LINGER_BYTES;
  request.on('data', (bytes: Buffer) => {
    left -= bytes.length;
    if (left <= 0) socket.destroy();
  });
  request.resume();
  const timer = setTimeout(() => socket.destroy(), LINGER_TIMEOUT_MS);
  request.once('close', () => clearTimeout(timer));
}

/**
 * Answers on a socket without a response object.
 * @param mayFollow whether the client may still be sending, so that a reset could overtake the answer
 */
export function sendRaw(socket: Duplex, error: SottoError, mayFollow: boolean): void {
  const text = `${JSON.stringify(errorBody(error))}\n`;
  const headers = { 'content-type': 'application/json', ...COMMON_HEADERS, ...errorHeaders(error) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [
    `HTTP/1.1 ${error.httpStatus} ${STATUS_CODES[error.httpStatus] ?? ''}`,
    ...lines,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  // The client should close its half; the timer below closes it otherwise.
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => {
    if (!mayFollow) socket.destroy();
  });
  const timer = setTimeout(() => socket.destroy(), LINGER_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(timer));
}
