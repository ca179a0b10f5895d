/**
 * Who may speak to us. A browser can reach a local server with the user's own rights. What its pages send carries `Origin`, or
 * fetch metadata where it does not (an image), or, under DNS rebinding, a `Host` that is not one of ours. Programs send none of
 * these, but for one: Node's own client says `Sec-Fetch-Mode: cors`, its WebSocket `websocket`, and nothing else of that kind.
 *
 * Pure function of the request; the same for HTTP and for the ws upgrade. Headers of proxies are not looked at.
 */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../protocol/errors.js';

const MAX_URL_LENGTH = 2_048;

export interface GuardRules {
  /** The only values of `Host` that are served, literally, port included where there is one. */
  readonly hosts: ReadonlySet<string>;
}

/** A socket file has no host; clients write this one. */
export const SOCKET_RULES: GuardRules = { hosts: new Set(['localhost']) };

/** Of a port on this machine: its addresses, and the name that every system gives them. */
export function portHosts(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`];
}

/** Why the request is refused, or undefined. Whatever it fails at but its size, the answer is the same: a page learns nothing. */
export function refusal(request: IncomingMessage, rules: GuardRules): SottoError | undefined {
  const { url = '' } = request;
  if (url.length > MAX_URL_LENGTH) return new SottoError('PAYLOAD_TOO_LARGE', 'the URL is too long');
  // `http://elsewhere/` instead of `/`: the form for proxies, which we are not.
  if (url.startsWith('/') && hasOurHost(request, rules) && !isOfPage(request)) return undefined;
  return new SottoError('UNAUTHORISED', 'requests of web pages, or for another host, are not served', {
    hint: 'send it from a program, to the address that `sotto serve --status` shows',
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
  // Another port of 127.0.0.1 counts as the same site, so no value but `none` is a program's.
  if (origin !== undefined || site !== 'none' || dest !== 'empty' || mode === 'navigate') return true;
  return Object.keys(headers).some((name) => name.startsWith('access-control-request-'));
}
