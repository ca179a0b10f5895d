/**
 * What the daemon and its engine process say to each other (structured clone over the child's IPC channel).
 * The engine runs one job at a time; every job that was sent ends in `done`, `failed` or `cancelled`, unless
 * the process dies, which is for the supervisor to notice. Sessions of dictation run beside it and before it, several at
 * a time; each ends in `live-done`, `live-failed`, or with a `live-cancel`.
 */
import * as v from 'valibot';
import { finite, integer } from './fields.js';
import { checkpointSchema, liveOptionsSchema } from './live.js';
import { parseMessage } from './parse.js';
import { figuresSchema, modelStatusSchema } from './status.js';
import {
  timingsSchema,
  transcribeEventSchema,
  transcribeOptionsSchema,
  wordSchema,
} from './transcription.js';
import { errorSchema } from './wire-error.js';

/** A model as the store resolved it. */
export const modelRefSchema = v.object({
  name: v.string(),
  /** Absolute path of its folder. */
  dir: v.string(),
});
export type ModelRef = v.InferOutput<typeof modelRefSchema>;

const job = integer;
const session = integer;
const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** What models may take of the machine. */
export const modelLimitsSchema = v.object({
  /** On the device, weights and work together. */
  maxBytes: v.exactOptional(finite),
  /** Models that nobody has worked with for so long go; they stay if it is left out. */
  unloadAfterSeconds: v.exactOptional(finite),
  /** Windows of a long file that a GPU decodes at once; by memory if it is left out. */
  fileBatchSize: v.exactOptional(integer),
  /** What to tell somebody whose model is too large. */
  advice: v.exactOptional(v.string()),
});
export type ModelLimits = v.InferOutput<typeof modelLimitsSchema>;

const toEngineTable = {
  limits: v.object({ ...modelLimitsSchema.entries, type: v.literal('limits') }),
  /**
   * Keep this model warm for those who name none, or one of the others where it does not fit into memory. What was kept
   * before stays until this one is ready. Answered by `loaded` or `load-failed`.
   */
  load: v.object({
    type: v.literal('load'),
    use: integer,
    model: modelRefSchema,
    fallbacks: v.optional(v.array(modelRefSchema), []),
  }),
  'load-cancel': v.object({ type: v.literal('load-cancel'), use: integer }),
  /** Free what nobody works with now, the rest when it is let go of. */
  unload: v.object({ type: v.literal('unload') }),
  run: v.object({
    type: v.literal('run'),
    job,
    path: v.string(),
    model: modelRefSchema,
    options: transcribeOptionsSchema,
  }),
  /** The file that most likely comes next may be opened while this one is in work; none, without a path. */
  prefetch: v.object({ type: v.literal('prefetch'), path: v.exactOptional(v.string()) }),
  cancel: v.object({ type: v.literal('cancel'), job }),
  /** The audio that follows begins at `fromSample`; what lies before the checkpoint is for the decode at the end alone. */
  'live-open': v.object({
    type: v.literal('live-open'),
    session,
    model: modelRefSchema,
    /** With the words of the vocabulary there may be more of them than a client may send. */
    options: v.object({
      ...liveOptionsSchema.entries,
      ...v.pick(transcribeOptionsSchema, ['hotwords']).entries,
    }),
    fromSample: integer,
    checkpoint: v.exactOptional(checkpointSchema),
    /** Nothing is written down: looks tell only where somebody speaks, and no model is needed. */
    voiceOnly: v.exactOptional(v.boolean()),
  }),
  /** s16le mono 16 kHz, without gaps. */
  'live-audio': v.object({ type: v.literal('live-audio'), session, pcm: bytes }),
  'live-finish': v.object({ type: v.literal('live-finish'), session }),
  'live-cancel': v.object({ type: v.literal('live-cancel'), session }),
  ping: v.object({ type: v.literal('ping') }),
  shutdown: v.object({ type: v.literal('shutdown') }),
};
export type ToEngine = v.InferOutput<(typeof toEngineTable)[keyof typeof toEngineTable]>;

export const engineSummarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  timings: v.object({ ...timingsSchema.entries, load: finite }),
});
export type EngineSummary = v.InferOutput<typeof engineSummarySchema>;

/** What one look at the audio gave. */
export const decodeStepSchema = v.object({
  committed: v.array(wordSchema),
  tentative: v.string(),
  language: v.exactOptional(v.string()),
  /** Samples of the session that were heard. */
  decodedSamples: integer,
  intervalSeconds: finite,
  checkpoint: checkpointSchema,
  /** Of a session that listens for voice only: how probable it is, for each whole frame since the look before. */
  voice: v.exactOptional(v.array(finite)),
});
export type DecodeStep = v.InferOutput<typeof decodeStepSchema>;

/** The text of the decode at the end, where it is better than the committed one. */
export const refinedSchema = v.object({
  text: v.string(),
  words: v.array(wordSchema),
  language: v.string(),
});
export type Refined = v.InferOutput<typeof refinedSchema>;

/** A model in memory, or on its way there. */
export const engineModelSchema = v.object({
  ...modelStatusSchema.entries,
  name: v.string(),
  dir: v.string(),
  /** Whether it stays for those who name none. */
  pinned: v.boolean(),
});
export type EngineModel = v.InferOutput<typeof engineModelSchema>;

const fromEngineTable = {
  /** It can't work at all (no addon, no Metal): starting it again would not help. */
  fatal: v.object({ type: v.literal('fatal'), error: errorSchema }),
  ready: v.object({ type: v.literal('ready'), device: v.string() }),
  /** All models in memory or on their way there, at each change. */
  models: v.object({ type: v.literal('models'), models: v.array(engineModelSchema) }),
  loaded: v.object({ type: v.literal('loaded'), use: integer, model: engineModelSchema }),
  'load-failed': v.object({ type: v.literal('load-failed'), use: integer, error: errorSchema }),
  /** How fast the GPU computes a window of a model that was warmed up: 10⁹ floating-point operations a second. */
  measured: v.object({ type: v.literal('measured'), gflops: finite }),
  opened: v.object({ type: v.literal('opened'), job, durationSeconds: v.exactOptional(finite) }),
  event: v.object({ type: v.literal('event'), job, event: transcribeEventSchema }),
  done: v.object({ type: v.literal('done'), job, summary: engineSummarySchema }),
  failed: v.object({ type: v.literal('failed'), job, error: errorSchema }),
  cancelled: v.object({ type: v.literal('cancelled'), job }),
  /** The model is in memory, and the session listens: from where another engine was, if one was. */
  'live-opened': v.object({
    type: v.literal('live-opened'),
    session,
    decodedSamples: integer,
    intervalSeconds: finite,
  }),
  'live-voice': v.object({ type: v.literal('live-voice'), session, speaking: v.boolean() }),
  'live-update': v.object({ type: v.literal('live-update'), session, step: decodeStepSchema }),
  /** All was heard and committed; `look` is the last one. */
  'live-done': v.object({
    type: v.literal('live-done'),
    session,
    step: decodeStepSchema,
    refined: v.exactOptional(refinedSchema),
  }),
  'live-failed': v.object({ type: v.literal('live-failed'), session, error: errorSchema }),
  pong: v.object({
    type: v.literal('pong'),
    figures: figuresSchema,
    /** Steps of work done since the process began: waits for the device, pieces of files read. */
    steps: v.exactOptional(integer),
    /** Nothing is computed since a model waits for the memory of one in use. */
    waits: v.exactOptional(v.boolean()),
  }),
};
export type FromEngine = v.InferOutput<(typeof fromEngineTable)[keyof typeof fromEngineTable]>;

export function parseToEngine(value: unknown): ToEngine {
  return parseMessage(toEngineTable, value);
}

export function parseFromEngine(value: unknown): FromEngine {
  return parseMessage(fromEngineTable, value);
}
