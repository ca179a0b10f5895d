/**
 * Who may speak to us. A browser can reach a local server with the user's own rights: it always sends `Origin`
 * on a WebSocket and fetch metadata on the rest, and under DNS rebinding a `Host` that is not one of ours.
 * Programs send none of these. Pure function of the request; the same for HTTP and for the ws upgrade.
 */
import type { IncomingMessage } from 'node:http';
import { SottoError } from '../protocol/errors.js';

const MAX_URL_LENGTH = 2_048;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']);

export interface GuardRules {
  /** The only values of `Host` that are served, literally, port included where there is one. */
  readonly hosts: ReadonlySet<string>;
}

/** A socket file has no host; clients write this one. */
export const SOCKET_RULES: GuardRules = { hosts: new Set(['localhost']) };

/** Why the request is refused, or undefined. */
export function refusal(request: IncomingMessage, rules: GuardRules): SottoError | undefined {
  const { method = '', url = '', headers, rawHeaders } = request;
  if (!METHODS.has(method))
    return new SottoError('INVALID_ARGUMENT', `method ${method.slice(0, 16)} is not served`);
  if (url.length > MAX_URL_LENGTH) return new SottoError('INVALID_ARGUMENT', 'the URL is too long');
  // `http://elsewhere/` instead of `/`: the form for proxies, which we are not.
  if (!url.startsWith('/')) return new SottoError('INVALID_ARGUMENT', 'the URL must be a path');
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts !== 1 || headers.host === undefined || !rules.hosts.has(headers.host)) {
    return new SottoError('UNAUTHORISED', 'this Host is not served');
  }
  if (headers.origin !== undefined)
    return new SottoError('UNAUTHORISED', 'requests from web pages are not served');
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'none') {
    return new SottoError('UNAUTHORISED', 'requests from web pages are not served');
  }
  return undefined;
}
