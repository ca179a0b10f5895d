/** Checks the bearer token of a request in constant time. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../../protocol/errors.js';

/** Subprotocol prefix for the key of WebSocket clients that can't set headers, as OpenAI's clients use it. */
const KEY_PROTOCOL = 'openai-insecure-api-key.';

/** @returns the error, or undefined for a valid token. The message never contains the token. */
export function tokenRefusal(request: IncomingMessage, token: string): SottoError | undefined {
  const given = bearerOf(request) ?? protocolKeyOf(request);
  if (given === undefined) return new SottoError('TOKEN_REJECTED', 'the request has no token');
  return equal(given, token) ? undefined : new SottoError('TOKEN_REJECTED', 'the token is wrong');
}

function bearerOf({ headers, rawHeaders }: IncomingMessage): string | undefined {
  // Node keeps the first of several headers, but a proxy may have checked the second.
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

/** Compares digests, because `timingSafeEqual` needs equal lengths. */
function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
