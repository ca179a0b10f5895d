/**
 * The port on which programs of others are served. It is closed until somebody opens it.
 *
 *     → serve {do}  ← serve-done | error
 *
 * `start` opens it and keeps it so: settings.json says so to the next daemon, too. `stop` closes it for good. `rotate` puts a
 * new token in the place of the old one, open or not; WebSockets that came with the old one are closed.
 */
import * as v from 'valibot';
import { text, integer } from './fields.js';
import { isHttpPort } from './http-port.js';
import { errorSchema } from './wire-error.js';

export const httpStatusSchema = v.object({
  /** Left out where it should be open and is not. */
  port: v.exactOptional(integer),
  /** Those that it listens at, such as `127.0.0.1` and `::1`. */
  addresses: v.array(v.string()),
  /** Why it is not open. */
  error: v.exactOptional(errorSchema),
});
export type HttpStatus = v.InferOutput<typeof httpStatusSchema>;

const port = v.pipe(integer, v.check(isHttpPort, 'is 0 or from 1024 to 65535'));

export const serveRequestSchema = v.variant('do', [
  /** The port that is open, that of the settings, or the usual one, if none is given. */
  v.object({ do: v.literal('start'), port: v.exactOptional(port) }),
  v.object({ do: v.literal('stop') }),
  v.object({ do: v.literal('status') }),
  v.object({ do: v.literal('rotate') }),
]);
export type ServeRequest = v.InferOutput<typeof serveRequestSchema>;

export const serveResultSchema = v.object({
  /** Whether it is otherwise than before. */
  changed: v.boolean(),
  /** Left out where nobody has asked for it to be open. */
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
