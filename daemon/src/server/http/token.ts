/** Whether a request carries the token of the port, found out in a time that says nothing of it. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../../protocol/errors.js';

/** How a WebSocket of a program that can set no headers hands over its key; OpenAI's own clients do. */
const KEY_PROTOCOL = 'openai-insecure-api-key.';

/** Why the request is refused, or undefined. The token is never part of what is said. */
export function tokenRefusal(request: IncomingMessage, token: string): SottoError | undefined {
  const given = bearerOf(request) ?? protocolKeyOf(request);
  if (given === undefined) return new SottoError('TOKEN_REJECTED', 'no token was sent');
  return equal(given, token) ? undefined : new SottoError('TOKEN_REJECTED', 'this is not the token');
}

function bearerOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
  // Node keeps the first of several; what another program in between went by may be the second.
  const count = rawHeaders.filter(
    (name, at) => at % 2 === 0 && name.toLowerCase() === 'authorization',
  ).length;
  if (count > 1) return '';
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
}

function protocolKeyOf({ headers }: IncomingMessage): string | undefined {
  if (headers.upgrade === undefined) return undefined;
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  return offered.find((name) => name.startsWith(KEY_PROTOCOL))?.slice(KEY_PROTOCOL.length);
}

/** Digests have one length, whatever was sent. */
function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
