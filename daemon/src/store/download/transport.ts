/**
 * HTTP to the Hub: one request, one response, redirects followed by hand. The token is sent to the Hub only:
 * redirects lead to signed addresses on other servers.
 */
// undici is also Node's own `fetch`, which doesn't support proxies.
import { Agent, fetch as undiciFetch, ProxyAgent, type Dispatcher } from 'undici';
import { SottoError } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { redirectProblem } from './redirects.js';
import { proxyFor } from './proxy.js';
import type { HubSettings } from './hub-settings.js';

interface HubRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called with every response, redirects included. */
  readonly onResponse?: (response: Response, url: URL) => void;
}

export interface Transport {
  /** @throws SottoError DOWNLOAD_DENIED for a redirect that isn't followed; errors of the network */
  get(url: URL, request: HubRequest): Promise<Response>;
  close(): Promise<void>;
}

interface TransportOptions {
  readonly settings: HubSettings;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Replaces the network. */
  readonly fetch?: typeof fetch;
}

const MAX_REDIRECTS = 8;
const CONNECT_TIMEOUT_MS = 20_000;
/** Until the headers arrive; the reader limits pauses in the body. */
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
            // The hash covers the file's bytes, not a compressed form.
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
        const problem = next === undefined ? 'to an invalid address' : redirectProblem(endpoint, url, next);
        if (next === undefined || problem !== undefined) {
          throw new SottoError(
            'DOWNLOAD_DENIED',
            `Hugging Face redirected the download ${problem}: not followed`,
            {
              hint: 'check HF_ENDPOINT and the proxy',
            },
          );
        }
        url = next;
      }
      throw new SottoError(
        'DOWNLOAD_FAILED',
        `too many redirects from Hugging Face (more than ${MAX_REDIRECTS})`,
      );
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
    },
  };
}
