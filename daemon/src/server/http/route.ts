/**
 * HTTP routes. A route gets a call that has passed the guard and returns its reply as data. It never touches the response
 * itself, so that only the server handles headers, limits and closing.
 */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

export interface Call {
  readonly request: IncomingMessage;
  /** Sent back in `x-request-id`. */
  readonly id: string;
  /** Decoded values of the path segments in braces. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

export interface Reply {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The whole body or a stream; each part is sent before the next one is requested. */
  readonly body: string | AsyncIterable<string | Uint8Array>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Such as `/v1/models/{id}`: a name in braces matches one segment. */
  readonly path: string;
  /** Whether it uses the engine, so that admission limits the concurrent requests. */
  readonly usesEngine?: boolean;
  /** @throws SottoError, answered in OpenAI's error format with the status of its code */
  answer(call: Call): Promise<Reply>;
}

/** A WebSocket endpoint. */
export interface SocketRoute {
  readonly path: string;
  /** Supported subprotocols, in order of preference. */
  readonly protocols?: readonly string[];
  readonly maxMessageBytes: number;
  open(socket: WebSocket, call: Omit<Call, 'params' | 'signal'>): void;
}

export function json(value: unknown, extras: Omit<Reply, 'body'> = {}): Reply {
  return {
    ...extras,
    headers: { 'content-type': 'application/json', ...extras.headers },
    body: `${JSON.stringify(value)}\n`,
  };
}
