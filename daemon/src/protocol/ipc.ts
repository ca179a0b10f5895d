/**
 * The messages between the daemon and its engine process (structured clone over the child's IPC channel). The
 * engine runs one job at a time; each job ends in `done`, `failed` or `cancelled`, unless the process dies, which
 * the supervisor notices. Dictation sessions run beside jobs and take priority, several at a time; each ends in
 * `live-done`, `live-failed`, or with a `live-cancel`. Speech for a listener comes after dictation and before jobs; each
 * ends in `speech-done`, `speech-answered` for turns, `speech-failed`, or with a `speech-cancel`.
 */
import * as v from 'valibot';
import { realignmentSchema } from './aligned-text.js';
import { codesSchema, encodedAudioSchema, encodeOptionsSchema, encodeSummarySchema } from './codec.js';
import {
  answerEventSchema,
  conversationOptionsSchema,
  conversationSummarySchema,
  turnSchema,
} from './conversation.js';
import { finite, integer } from './fields.js';
import { checkpointSchema, liveOptionsSchema } from './live.js';
import { parseMessage } from './parse.js';
import { figuresSchema, modelStatusSchema } from './status.js';
import {
  commonOptionsSchema,
  timingsSchema,
  transcribeEventSchema,
  transcribeOptionsSchema,
  wordSchema,
} from './transcription.js';
import { spokenTextSchema, synthesisOptionsSchema, synthesisSummarySchema } from './synthesis.js';
import { errorSchema } from './wire-error.js';

/** A model as the store resolved it. */
export const modelRefSchema = v.object({
  name: v.string(),
  /** Absolute path of its directory. */
  dir: v.string(),
});
export type ModelRef = v.InferOutput<typeof modelRefSchema>;

const job = integer;
const session = integer;
const speech = integer;
const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** How much of the machine models may use. */
export const modelLimitsSchema = v.object({
  /** On the device: weights and working memory together. */
  maxBytes: v.exactOptional(finite),
  /** Models unused for this long are unloaded; never if omitted. */
  unloadAfterSeconds: v.exactOptional(finite),
  /** Windows of a long file that a GPU decodes at once; chosen by memory if omitted. */
  fileBatchSize: v.exactOptional(integer),
  /** Hint for a model that is too large. */
  advice: v.exactOptional(v.string()),
});
export type ModelLimits = v.InferOutput<typeof modelLimitsSchema>;

/** What is done with a file. */
export const fileWorkSchema = v.variant('task', [
  v.object({
    task: v.literal('transcribe'),
    options: transcribeOptionsSchema,
    /** The model of `alignModel`. */
    aligner: v.exactOptional(modelRefSchema),
  }),
  v.object({ task: v.literal('encode'), options: encodeOptionsSchema }),
]);
export type FileWork = v.InferOutput<typeof fileWorkSchema>;

/** What audio, or an answer with or without audio, is made from. */
export const speechSourceSchema = v.variant('type', [
  v.object({ type: v.literal('text'), text: v.string(), options: synthesisOptionsSchema }),
  v.object({ type: v.literal('codes'), encoded: encodedAudioSchema }),
  v.object({ type: v.literal('turns'), turns: v.array(turnSchema), options: conversationOptionsSchema }),
]);
export type SpeechSource = v.InferOutput<typeof speechSourceSchema>;
/** What only audio is made from. */
export type AudioOnlySource = Exclude<SpeechSource, { type: 'turns' }>;

const toEngineTable = {
  limits: v.object({ ...modelLimitsSchema.entries, type: v.literal('limits') }),
  /**
   * Load and pin the default model, or the first of its fallbacks that fits into memory. The pinned model stays
   * until the new one is ready. If `isDefault` is false, only load and warm it up. Answered by `loaded` or
   * `load-failed`.
   */
  load: v.object({
    type: v.literal('load'),
    requestId: integer,
    /** Default true. */
    isDefault: v.exactOptional(v.boolean()),
    model: modelRefSchema,
    fallbacks: v.optional(v.array(modelRefSchema), []),
    /** Fails with INSUFFICIENT_MEMORY unless the two fit together. Only if `isDefault` is false. */
    alongside: v.exactOptional(modelRefSchema),
  }),
  'load-cancel': v.object({ type: v.literal('load-cancel'), requestId: integer }),
  /** Directories of the chosen models of other tasks: they stay once they are loaded, as the default model does. */
  keep: v.object({ type: v.literal('keep'), dirs: v.array(v.string()) }),
  /** Free the unused models now, the others once they are released. */
  unload: v.object({ type: v.literal('unload') }),
  run: v.object({
    type: v.literal('run'),
    job,
    path: v.string(),
    model: modelRefSchema,
    work: fileWorkSchema,
  }),
  /** The file of the next job may be opened while the current one runs; none without a path. */
  prefetch: v.object({ type: v.literal('prefetch'), path: v.exactOptional(v.string()) }),
  cancel: v.object({ type: v.literal('cancel'), job }),
  /**
   * The audio that follows starts at `fromSample`; audio before the checkpoint is only for the re-decode at the
   * end.
   */
  'live-open': v.object({
    type: v.literal('live-open'),
    session,
    model: modelRefSchema,
    /** Fails with INSUFFICIENT_MEMORY if the model is not loaded and the two don't fit together. */
    alongside: v.exactOptional(modelRefSchema),
    /** With the words of the vocabulary they may exceed what a client may send. */
    options: v.object({
      ...liveOptionsSchema.entries,
      ...v.pick(commonOptionsSchema, ['hotwords']).entries,
    }),
    fromSample: integer,
    checkpoint: v.exactOptional(checkpointSchema),
    /** Detect voice only; no model is needed. */
    voiceOnly: v.exactOptional(v.boolean()),
  }),
  /** s16le mono 16 kHz, without gaps. */
  'live-audio': v.object({ type: v.literal('live-audio'), session, pcm: bytes }),
  'live-finish': v.object({ type: v.literal('live-finish'), session }),
  'live-cancel': v.object({ type: v.literal('live-cancel'), session }),
  /** Makes audio for a listener, between dictation and files. */
  'speech-open': v.object({
    type: v.literal('speech-open'),
    speech,
    model: modelRefSchema,
    source: speechSourceSchema,
  }),
  /** The listener has these samples; the engine computes only a few seconds ahead. */
  'speech-acknowledge': v.object({ type: v.literal('speech-acknowledge'), speech, samples: integer }),
  'speech-cancel': v.object({ type: v.literal('speech-cancel'), speech }),
  ping: v.object({ type: v.literal('ping') }),
  shutdown: v.object({ type: v.literal('shutdown') }),
};
export type ToEngine = v.InferOutput<(typeof toEngineTable)[keyof typeof toEngineTable]>;

export const engineSummarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  timings: v.object({ ...timingsSchema.entries, load: finite }),
  alignment: v.exactOptional(realignmentSchema),
});
export type EngineSummary = v.InferOutput<typeof engineSummarySchema>;

/** What the model that decodes detects as the language. */
const languageEvidenceSchema = v.object({
  language: v.string(),
  probability: finite,
  /** Seconds of speech behind it. */
  seconds: finite,
});
export type LanguageEvidence = v.InferOutput<typeof languageEvidenceSchema>;

/** The result of one decode step. */
export const decodeStepSchema = v.object({
  committed: v.array(wordSchema),
  tentative: v.string(),
  language: v.exactOptional(v.string()),
  /** During the first seconds of speech, if the language is not given. */
  evidence: v.exactOptional(languageEvidenceSchema),
  /** Samples of the session decoded so far. */
  decodedSamples: integer,
  intervalSeconds: finite,
  checkpoint: checkpointSchema,
  /** Voice-only sessions: the probability for each whole frame since the step before. */
  voice: v.exactOptional(v.array(finite)),
});
export type DecodeStep = v.InferOutput<typeof decodeStepSchema>;

/** The text of the re-decode at the end, if it is better than the committed one. */
export const refinedSchema = v.object({
  text: v.string(),
  words: v.array(wordSchema),
  language: v.string(),
});
export type Refined = v.InferOutput<typeof refinedSchema>;

/** A model that is in memory or loading. */
export const engineModelSchema = v.object({
  ...modelStatusSchema.entries,
  name: v.string(),
  dir: v.string(),
  /** Whether it is the default model, which stays. */
  pinned: v.boolean(),
});
export type EngineModel = v.InferOutput<typeof engineModelSchema>;

const fromEngineTable = {
  /** The engine can't work at all (no addon, no Metal): a restart would not help. */
  fatal: v.object({ type: v.literal('fatal'), error: errorSchema }),
  ready: v.object({ type: v.literal('ready'), device: v.string() }),
  /** All models in memory or loading, after each change. */
  models: v.object({ type: v.literal('models'), models: v.array(engineModelSchema) }),
  loaded: v.object({ type: v.literal('loaded'), requestId: integer, model: engineModelSchema }),
  'load-failed': v.object({ type: v.literal('load-failed'), requestId: integer, error: errorSchema }),
  /** Speed of the GPU at a window of a warmed-up model: 10⁹ floating-point operations a second. */
  measured: v.object({ type: v.literal('measured'), gflops: finite }),
  opened: v.object({ type: v.literal('opened'), job, durationSeconds: v.exactOptional(finite) }),
  event: v.object({ type: v.literal('event'), job, event: transcribeEventSchema }),
  done: v.object({ type: v.literal('done'), job, summary: engineSummarySchema }),
  /** `seconds`: audio encoded so far. */
  codes: v.object({ ...codesSchema.entries, type: v.literal('codes'), job, seconds: finite }),
  encoded: v.object({ type: v.literal('encoded'), job, summary: encodeSummarySchema }),
  failed: v.object({ type: v.literal('failed'), job, error: errorSchema }),
  cancelled: v.object({ type: v.literal('cancelled'), job }),
  /** The session accepts audio; it continues at the checkpoint if there was one. */
  'live-opened': v.object({
    type: v.literal('live-opened'),
    session,
    decodedSamples: integer,
    intervalSeconds: finite,
  }),
  'live-voice': v.object({ type: v.literal('live-voice'), session, speaking: v.boolean() }),
  'live-update': v.object({ type: v.literal('live-update'), session, step: decodeStepSchema }),
  /** All audio is decoded and committed; `step` is the last one. */
  'live-done': v.object({
    type: v.literal('live-done'),
    session,
    step: decodeStepSchema,
    refined: v.exactOptional(refinedSchema),
  }),
  /** The model is loaded. Sample rate in Hz; 0 for an answer without audio. */
  'speech-opened': v.object({ type: v.literal('speech-opened'), speech, sampleRate: integer }),
  /** Float32, little-endian, ±1, without gaps. */
  'speech-audio': v.object({
    type: v.literal('speech-audio'),
    speech,
    firstSample: integer,
    samples: bytes,
    spoken: v.exactOptional(spokenTextSchema),
  }),
  /** A part of an answer besides its audio. */
  'speech-answer': v.object({ type: v.literal('speech-answer'), speech, event: answerEventSchema }),
  'speech-answered': v.object({
    type: v.literal('speech-answered'),
    speech,
    summary: conversationSummarySchema,
  }),
  'speech-done': v.object({ type: v.literal('speech-done'), speech, summary: synthesisSummarySchema }),
  'speech-failed': v.object({ type: v.literal('speech-failed'), speech, error: errorSchema }),
  'live-failed': v.object({ type: v.literal('live-failed'), session, error: errorSchema }),
  pong: v.object({
    type: v.literal('pong'),
    figures: figuresSchema,
    /** Completed steps since the process started: waits for the device, pieces of files read. */
    steps: v.exactOptional(integer),
    /** Whether nothing is computed because a model waits for memory that another one uses. */
    isWaitingForMemory: v.exactOptional(v.boolean()),
  }),
};
export type FromEngine = v.InferOutput<(typeof fromEngineTable)[keyof typeof fromEngineTable]>;

export function parseToEngine(value: unknown): ToEngine {
  return parseMessage(toEngineTable, value);
}

export function parseFromEngine(value: unknown): FromEngine {
  return parseMessage(fromEngineTable, value);
}
