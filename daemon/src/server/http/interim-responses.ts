/**
 * Interim responses (102, RFC 2518 §10.1) during long requests. Node's `fetch` gives up if no header arrives for 300 s, and
 * OpenAI's client then sends the whole upload again; an interim response restarts that timeout and leaves the final status
 * open. Other clients wait without them, and Go's client accepts no more than five.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Timer } from '../../clock.js';

const INTERIM_INTERVAL_MS = 100_000;

/** @returns the timer that sends them */
export function sendInterimResponses(
  request: IncomingMessage,
  response: ServerResponse,
  everyMs: number = INTERIM_INTERVAL_MS,
): Timer {
  // Only Node's `fetch` sends this header; requests of web pages were refused before.
  if (request.headers['sec-fetch-mode'] === undefined || request.httpVersion !== '1.1')
    return { cancel: () => undefined };
  const timer = setInterval(() => {
    if (response.headersSent || response.destroyed) clearInterval(timer);
    else if (request.complete) response.writeProcessing();
  }, everyMs);
  timer.unref();
  return { cancel: () => clearInterval(timer) };
}
