/**
 * What the daemon and its engine process say to each other (structured clone over the child's IPC channel).
 * The engine runs one job at a time; every job that was sent ends in `done`, `failed` or `cancelled`, unless
 * the process dies, which is for the supervisor to notice.
 */
import { z } from 'zod';
import { parseMessage } from './parse.js';
import { figuresSchema } from './status.js';
import { timingsSchema, transcribeEventSchema, transcribeOptionsSchema } from './transcription.js';
import { errorSchema } from './wire-error.js';

/** A model as the store resolved it. */
export const modelRefSchema = z.object({
  name: z.string(),
  /** Absolute path of its folder. */
  dir: z.string(),
});
export type ModelRef = z.infer<typeof modelRefSchema>;

const job = z.number().int();

const toEngineTable = {
  /** Have this model warm. Sent before any job, so that nobody waits in front of a cold one. */
  load: z.object({ type: z.literal('load'), model: modelRefSchema }),
  run: z.object({
    type: z.literal('run'),
    job,
    path: z.string(),
    model: modelRefSchema,
    options: transcribeOptionsSchema,
  }),
  cancel: z.object({ type: z.literal('cancel'), job }),
  ping: z.object({ type: z.literal('ping') }),
  shutdown: z.object({ type: z.literal('shutdown') }),
};
export type ToEngine = z.infer<(typeof toEngineTable)[keyof typeof toEngineTable]>;

export const engineSummarySchema = z.object({
  language: z.string(),
  durationSeconds: z.number(),
  timings: timingsSchema.extend({ load: z.number() }),
});
export type EngineSummary = z.infer<typeof engineSummarySchema>;

const fromEngineTable = {
  /** It can't work at all (no addon, no Metal): starting it again would not help. */
  fatal: z.object({ type: z.literal('fatal'), error: errorSchema }),
  ready: z.object({ type: z.literal('ready'), device: z.string() }),
  model: z.object({
    type: z.literal('model'),
    name: z.string(),
    state: z.enum(['loading', 'warming', 'ready', 'failed']),
    family: z.string().exactOptional(),
    loadSeconds: z.number().exactOptional(),
    error: errorSchema.exactOptional(),
  }),
  opened: z.object({ type: z.literal('opened'), job, durationSeconds: z.number().exactOptional() }),
  event: z.object({ type: z.literal('event'), job, event: transcribeEventSchema }),
  done: z.object({ type: z.literal('done'), job, summary: engineSummarySchema }),
  failed: z.object({ type: z.literal('failed'), job, error: errorSchema }),
  cancelled: z.object({ type: z.literal('cancelled'), job }),
  pong: z.object({ type: z.literal('pong'), figures: figuresSchema }),
};
export type FromEngine = z.infer<(typeof fromEngineTable)[keyof typeof fromEngineTable]>;

export function parseToEngine(value: unknown): ToEngine {
  return parseMessage(toEngineTable, value);
}

export function parseFromEngine(value: unknown): FromEngine {
  return parseMessage(fromEngineTable, value);
}
