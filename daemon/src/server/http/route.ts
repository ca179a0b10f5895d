/**
 * What is served over HTTP: a route takes a call that has passed the guard and gives a reply as data. It never touches the
 * response itself, so that headers, limits and the end of a connection are the front's alone.
 */
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

export interface Call {
  readonly request: IncomingMessage;
  /** Goes back in `x-request-id`. */
  readonly id: string;
  /** What stands in the places that the route's path names in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Aborted once nobody waits for the reply any more. */
  readonly signal: AbortSignal;
}

export interface Reply {
  /** 200 when left out. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** All of it, or its parts as they come; each part is sent before the next one is asked for. */
  readonly body: string | AsyncIterable<string>;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Such as `/v1/models/{id}`: a name in braces takes one segment. */
  readonly path: string;
  /** Whether it makes work for the engine: such calls are let in only so many at a time. */
  readonly usesEngine?: boolean;
  /** @throws SottoError, which is answered as a body of OpenAI's shape with the status of its code */
  answer(call: Call): Promise<Reply>;
}

/** A WebSocket that is served at a path. */
export interface SocketRoute {
  readonly path: string;
  /** Subprotocols that it speaks; the first one that the client offers is taken. */
  readonly protocols?: readonly string[];
  /** Largest message in bytes. */
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
