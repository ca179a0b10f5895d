/**
 * Control of the port of the OpenAI-compatible API, which is closed by default.
 *
 *     → serve {do}  ← serve-done | error
 *
 * `start` and `stop` also change settings.json, so that the next daemon does the same. `rotate` replaces the token and closes
 * WebSockets that were opened with the old one.
 */
import * as v from 'valibot';
import { text, integer } from './fields.js';
import { isHttpPort } from './http-port.js';
import { errorSchema } from './wire-error.js';

export const httpStatusSchema = v.object({
  /** Absent if it should be open but is not. */
  port: v.exactOptional(integer),
  /** Such as `127.0.0.1` and `::1`. */
  addresses: v.array(v.string()),
  /** Why it could not be opened. */
  error: v.exactOptional(errorSchema),
});
export type HttpStatus = v.InferOutput<typeof httpStatusSchema>;

const port = v.pipe(integer, v.check(isHttpPort, 'must be 0 or from 1024 to 65535'));

export const serveRequestSchema = v.variant('do', [
  /** Without `port`: the open port, that of the settings, or the default. */
  v.object({ do: v.literal('start'), port: v.exactOptional(port) }),
  v.object({ do: v.literal('stop') }),
  v.object({ do: v.literal('status') }),
  v.object({ do: v.literal('rotate') }),
]);
export type ServeRequest = v.InferOutput<typeof serveRequestSchema>;

export const serveResultSchema = v.object({
  /** Whether the request changed anything. */
  changed: v.boolean(),
  /** Absent if the port should not be open. */
  http: v.exactOptional(httpStatusSchema),
});
export type ServeResult = v.InferOutput<typeof serveResultSchema>;

const id = text(1, 64);

/** Client → daemon. */
export const serveClientTable = {
  serve: v.object({ type: v.literal('serve'), id, request: serveRequestSchema }),
};

/** Daemon → client; besides `error`. */
export const serveDaemonTable = {
  'serve-done': v.object({ type: v.literal('serve-done'), id, result: serveResultSchema }),
};
