/**
 * Answers that take long, to clients that don't wait for long: Node's own `fetch` gives up where no head comes for 300 s, and
 * OpenAI's client then sends all of it again. An interim answer (102, RFC 2518 §10.1) begins that time anew and says nothing
 * of the real one, whose status is still open. Other clients wait without; Go's takes no more than five.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

const INTERIM_INTERVAL_MS = 100_000;

/** @returns what ends it */
export function sendInterimResponses(
  request: IncomingMessage,
  response: ServerResponse,
  everyMs: number = INTERIM_INTERVAL_MS,
): () => void {
  // Of all programs Node's alone says this; pages that do were refused before.
  if (request.headers['sec-fetch-mode'] === undefined || request.httpVersion !== '1.1')
    return () => undefined;
  const timer = setInterval(() => {
    if (response.headersSent || response.destroyed) clearInterval(timer);
    else if (request.complete) response.writeProcessing();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
