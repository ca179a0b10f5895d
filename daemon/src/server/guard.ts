/**
 * Refuses requests of web pages, because a browser can reach a local server with the rights of the user. Requests of a page have
 * `Origin`, or fetch metadata without it (an image), or an unknown `Host` (DNS rebinding). Programs send none of these, except
 * Node's client: its `fetch` sends `Sec-Fetch-Mode: cors`, its WebSocket `websocket`, and no other fetch metadata.
 *
 * A pure function of the request, the same for HTTP and for WebSocket upgrades. Proxy headers are ignored.
 */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../protocol/errors.js';

const MAX_URL_LENGTH = 2_048;

export interface GuardRules {
  /** Accepted values of `Host`, with the port if there is one. */
  readonly hosts: ReadonlySet<string>;
}

/** A socket file has no host; clients send this one. */
export const SOCKET_RULES: GuardRules = { hosts: new Set(['localhost']) };

/** The loopback addresses with a port, and their usual name. */
export function portHosts(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
}

/** @returns the error, or undefined. Apart from the size, the error does not depend on the reason, so that a page learns nothing. */
export function refusal(request: IncomingMessage, rules: GuardRules): SottoError | undefined {
  const { url = '' } = request;
  if (url.length > MAX_URL_LENGTH) return new SottoError('PAYLOAD_TOO_LARGE', 'the URL is too long');
  // An absolute URL such as `http://elsewhere/` is the form for proxies.
  if (url.startsWith('/') && hasOurHost(request, rules) && !isOfPage(request)) return undefined;
  return new SottoError('UNAUTHORIZED', 'requests from web pages or for another host are refused', {
    hint: 'send it from a program to the address shown by `sotto serve --status`',
  });
}

function hasOurHost({ headers, rawHeaders }: IncomingMessage, { hosts }: GuardRules): boolean {
  const count = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  return count === 1 && headers.host !== undefined && hosts.has(headers.host);
}

function isOfPage({ headers }: IncomingMessage): boolean {
  const {
    origin,
    'sec-fetch-site': site = 'none',
    'sec-fetch-mode': mode,
    'sec-fetch-dest': dest = 'empty',
  } = headers;
  // Browsers count another port of 127.0.0.1 as the same site, so only `none` comes from a program.
  if (origin !== undefined || site !== 'none' || dest !== 'empty' || mode === 'navigate') return true;
  return Object.keys(headers).some((name) => name.startsWith('access-control-request-'));
}
