/** A reply put on the wire: its head, its parts at the pace of whoever reads, and an end that the reader hears of. */
import { once } from 'node:events';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { SottoError } from '../../protocol/errors.js';
import { hasBody } from './upload-timeout.js';
import { errorBody, errorHeaders } from './error-body.js';
import { json, type Reply } from './route.js';

/** Nothing of this is for a cache or for another page. */
const COMMON_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
};
/** How much, and for how long, a client that was refused may go on sending before its connection is cut. */
const LINGER_BYTES = 32 * 1024 * 1024;
const LINGER_TIMEOUT_MS = 1_000;
/** A client that takes nothing of its answer for so long is let go; a long one may take as long for each megabyte. */
const WRITE_TIMEOUT_MS = 60_000;

interface SendOptions {
  readonly id: string;
  /** Aborted once nobody is there to read. */
  readonly signal: AbortSignal;
  readonly unreadMs?: number;
}

function errorReply(error: SottoError): Reply {
  return json(errorBody(error), { status: error.httpStatus, headers: errorHeaders(error) });
}

/** Resolves once all of it is sent, or nobody is there to read it. */
export async function send(
  response: ServerResponse,
  reply: Reply,
  { id, signal, unreadMs = WRITE_TIMEOUT_MS }: SendOptions,
): Promise<void> {
  const { status = 200, headers, body } = reply;
  const whole = typeof body === 'string';
  response.writeHead(status, {
    ...COMMON_HEADERS,
    'x-request-id': id,
    ...(whole && { 'content-length': Buffer.byteLength(body) }),
    ...headers,
  });
  if (whole) {
    end(response, response.req.method === 'HEAD' ? '' : body, unreadMs);
    return;
  }
  // The head at once: what comes may be long in coming.
  response.flushHeaders();
  for await (const part of body) {
    if (signal.aborted || response.destroyed) return;
    if (response.write(part)) continue;
    const cut = setTimeout(() => response.destroy(), unreadMs);
    await once(response, 'drain', { signal }).catch(() => undefined);
    clearTimeout(cut);
  }
  end(response, '', unreadMs);
}

function end(response: ServerResponse, text: string, unreadMs: number): void {
  // Of a client that has gone already there is no end to hear.
  if (response.destroyed) return;
  const cut = setTimeout(() => response.destroy(), unreadMs * (1 + text.length / 1e6));
  // One that waits behind others may have no end that is told: nothing is to wait for it.
  cut.unref();
  response.once('close', () => clearTimeout(cut));
  response.end(text);
}

/**
 * Answers a request whose body is not wanted. A connection that is closed with bytes unread is reset, and the reset may
 * overtake the answer (RFC 9112 §9.6), as it may where Node closes it for us: so it stays open, and what still comes is thrown
 * away for a moment. Clients stop once they have read the answer.
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

/** What still comes of a body that nobody reads, for a moment; who sends on after it is cut off. */
export function drainRequest(request: IncomingMessage): void {
  if (request.complete || !hasBody(request)) return;
  const { socket } = request;
  let left = LINGER_BYTES;
  request.on('data', (bytes: Buffer) => {
    left -= bytes.length;
    if (left <= 0) socket.destroy();
  });
  request.resume();
  const cut = setTimeout(() => socket.destroy(), LINGER_TIMEOUT_MS);
  request.once('close', () => clearTimeout(cut));
}

/**
 * An answer where there is no response object to write it with.
 * @param mayFollow whether the client may be sending yet, and would lose the answer by a reset
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
  // The other half is the client's to close; who doesn't is not waited for.
  socket.resume();
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => {
    if (!mayFollow) socket.destroy();
  });
  const cut = setTimeout(() => socket.destroy(), LINGER_TIMEOUT_MS);
  socket.once('close', () => clearTimeout(cut));
}
