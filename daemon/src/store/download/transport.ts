/**
 * HTTP to the hub: one request in, one answer out, redirects followed by hand. The token goes to the hub alone: what it
 * redirects to has signed addresses, and is somebody else's machine.
 */
// Node's own `fetch` is this library too, but knows no way through proxies.
import { Agent, fetch as undiciFetch, ProxyAgent, type Dispatcher } from 'undici';
import { SottoError } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { redirectProblem } from './redirects.js';
import { proxyFor } from './proxy.js';
import type { HubSettings } from './hub-settings.js';

interface HubRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Shown every answer on the way, the last one too. */
  readonly onResponse?: (response: Response, url: URL) => void;
}

export interface Transport {
  /** @throws SottoError DOWNLOAD_DENIED for a redirect that is not followed; whatever the network says */
  get(url: URL, request: HubRequest): Promise<Response>;
  close(): Promise<void>;
}

interface TransportOptions {
  readonly settings: HubSettings;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Instead of the network. */
  readonly fetch?: typeof fetch;
}

const MAX_REDIRECTS = 8;
const CONNECT_TIMEOUT_MS = 20_000;
/** Until an answer begins; how long its body may be silent is the reader's business. */
const RESPONSE_TIMEOUT_MS = 60_000;

export function openTransport({ settings, env = process.env, fetch: other }: TransportOptions): Transport {
  const endpoint = new URL(settings.endpoint);
  const agents = new Map<string, Dispatcher>();
  const agentFor = (url: URL): Dispatcher => {
    const proxy = proxyFor(url, env);
    const key = proxy ?? '';
    const known = agents.get(key);
    if (known !== undefined) return known;
    const options = {
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: RESPONSE_TIMEOUT_MS,
      bodyTimeout: 0,
    };
    const agent = proxy === undefined ? new Agent(options) : new ProxyAgent({ uri: proxy, ...options });
    agents.set(key, agent);
    return agent;
  };
  const send = (url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Response> => {
    if (other !== undefined) return other(url, { headers, signal, redirect: 'manual' });
    return undiciFetch(url, { headers, signal, redirect: 'manual', dispatcher: agentFor(url) });
  };
  return {
    async get(first, { headers, signal, onResponse }) {
      let url = first;
      for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
        const response = await send(
          url,
          {
            'user-agent': `sotto/${SOTTO_VERSION}`,
            // What is hashed are the bytes of the file, not of a packed form of it.
            'accept-encoding': 'identity',
            ...headers,
            ...(settings.token !== undefined &&
              url.origin === endpoint.origin && { authorization: `Bearer ${settings.token}` }),
          },
          signal,
        );
        onResponse?.(response, url);
        const to = response.headers.get('location');
        if (response.status < 300 || response.status >= 400 || response.status === 304 || to === null)
          return response;
        await response.body?.cancel();
        const next = URL.canParse(to, url.href) ? new URL(to, url.href) : undefined;
        const problem = next === undefined ? 'to no address' : redirectProblem(endpoint, url, next);
        if (next === undefined || problem !== undefined) {
          throw new SottoError('DOWNLOAD_DENIED', `the hub sends the download ${problem}: not followed`, {
            hint: 'check HF_ENDPOINT and the proxy: an honest hub does not do that',
          });
        }
        url = next;
      }
      throw new SottoError(
        'DOWNLOAD_FAILED',
        `the hub sends the download on and on: more than ${MAX_REDIRECTS} times`,
      );
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}
