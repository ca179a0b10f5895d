/**
 * What travels over the socket, as JSON text frames. The client says `hello` first; the daemon answers with
 * its own and then serves. Jobs carry an `id` that the client chose, unique on its connection.
 *
 *     → hello  ← hello  → transcribe  ← waiting* ← started ← event* ← final | cancelled | failed
 *
 * `seq` counts what is never dropped for a job (language, segments, the terminal message), from 1. `text` and
 * `progress` are for display: they carry no number, and a slow reader may miss some of them.
 */
import { z } from 'zod';
import { parseJson, parseMessage } from './parse.js';
import { daemonStatusSchema } from './status.js';
import { timingsSchema, transcribeEventSchema, transcribeOptionsSchema } from './transcription.js';
import { LIMITS } from './version.js';
import { errorSchema } from './wire-error.js';

const id = z.string().min(1).max(64);

const filePath = z
  .string()
  .min(1)
  .max(LIMITS.maxPathLength)
  .refine((path) => path.startsWith('/'), 'must be absolute')
  .refine((path) => !path.includes('\0'), 'must not hold a NUL');

/** Client → daemon. */
const clientTable = {
  hello: z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    client: z.object({ name: z.string().max(64), version: z.string().max(32) }),
  }),
  transcribe: z.object({
    type: z.literal('transcribe'),
    id,
    path: filePath,
    /** A model's name or its folder (absolute); the daemon's own when left out. */
    model: z.string().min(1).max(LIMITS.maxPathLength).exactOptional(),
    options: transcribeOptionsSchema.exactOptional(),
  }),
  cancel: z.object({ type: z.literal('cancel'), id }),
  status: z.object({ type: z.literal('status'), id }),
  shutdown: z.object({ type: z.literal('shutdown'), id }),
};
export type ClientMessage = z.infer<(typeof clientTable)[keyof typeof clientTable]>;

/** What a finished job adds to the segments that were sent before it. */
export const summarySchema = z.object({
  language: z.string(),
  durationSeconds: z.number(),
  /** `load`: seconds that the job waited for its model; 0 when it was warm. */
  timings: timingsSchema.extend({ load: z.number() }),
  model: z.string(),
  /** How many segments were sent. */
  segments: z.number().int(),
});
export type JobSummary = z.infer<typeof summarySchema>;

/** Why a job has not begun. */
export const waitingSchema = z.object({
  for: z.enum(['queue', 'engine', 'model']),
  /** Jobs in front of it, when it waits in the queue. */
  position: z.number().int().exactOptional(),
});

export const startedSchema = z.object({
  /** 1, or 2 when the engine died and the job begins again on a new one. */
  attempt: z.number().int(),
  /** Length of the audio as far as its container tells. */
  durationSeconds: z.number().exactOptional(),
});

const seq = z.number().int().min(1);

/** Daemon → client. */
const daemonTable = {
  hello: z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    version: z.string(),
    pid: z.number().int(),
  }),
  waiting: waitingSchema.extend({ type: z.literal('waiting'), id }),
  started: startedSchema.extend({ type: z.literal('started'), id }),
  event: z.object({ type: z.literal('event'), id, seq: seq.exactOptional(), event: transcribeEventSchema }),
  final: z.object({ type: z.literal('final'), id, seq, summary: summarySchema }),
  cancelled: z.object({ type: z.literal('cancelled'), id, seq }),
  failed: z.object({ type: z.literal('failed'), id, seq, error: errorSchema }),
  status: z.object({ type: z.literal('status'), id, status: daemonStatusSchema }),
  stopping: z.object({ type: z.literal('stopping'), id }),
  /** A message could not be served; `id` names it where it had one. */
  error: z.object({ type: z.literal('error'), id: id.exactOptional(), error: errorSchema }),
};
export type DaemonMessage = z.infer<(typeof daemonTable)[keyof typeof daemonTable]>;

export function parseClientMessage(text: string): ClientMessage {
  return parseMessage(clientTable, parseJson(text));
}

export function parseDaemonMessage(text: string): DaemonMessage {
  return parseMessage(daemonTable, parseJson(text));
}

/** The `id` of a message that could not be parsed, so that the error reaches the right caller. */
export function idOf(text: string): string | undefined {
  try {
    const parsed = z.object({ id }).safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.id : undefined;
  } catch {
    return undefined;
  }
}

/** Everything that happens to a job, as the one who asked for it sees it, from socket and in-process alike. */
export type JobEvent =
  | ({ type: 'waiting' } & z.infer<typeof waitingSchema>)
  | ({ type: 'started' } & z.infer<typeof startedSchema>)
  | z.infer<typeof transcribeEventSchema>
  | { type: 'final'; summary: JobSummary };
