/** The data of jobs. Both ends validate all of it, because other programs and other versions can write to the same Redis. */
import { isAbsolute, normalize } from 'node:path';
import * as v from 'valibot';
import { isErrorCode, SottoError } from '../protocol/errors.js';
import { finite, text, integer, inRange } from '../protocol/fields.js';
import { commonOptionsSchema, transcribeOptionsSchema } from '../protocol/transcription.js';
import { FORMAT_NAMES } from '../writers/index.js';
import { digestOfJson } from '../writers/placement/digest.js';
import { isUrl } from '../display-path.js';
import { oneLine } from './worker-messages.js';

/** Prefix of all keys, and the name of the queue. */
export const QUEUE_PREFIX = 'sotto';
export const QUEUE_NAME = 'files';

/** Attempts of a job that fails for a transient reason. */
export const ATTEMPTS = 3;
/** Finished jobs are kept this long, so that the same request finds them by id. */
export const KEEP_SECONDS = 7 * 24 * 3600;
/** Ample for hotwords and prompts. */
export const MAX_JOB_BYTES = 512 * 1024;
/** Ten times the text of a day of speech. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** A normalized absolute path on a shared disk. */
const path = v.pipe(
  text(2, 4096),
  v.check(
    (value) => isAbsolute(value) && normalize(value) === value && !value.includes('\0'),
    'not an absolute path',
  ),
);

const url = v.pipe(
  text(8, 8192),
  v.check((value) => isUrl(value) && URL.canParse(value), 'neither http nor https'),
);

/** `turbo`, or `owner/name` of a downloaded model. */
const modelName = v.pipe(text(1, 200), v.regex(/^\w[\w.-]*(\/\w[\w.-]*)?$/));

const sourceSchema = v.variant('kind', [
  v.object({ kind: v.literal('path'), path }),
  v.object({ kind: v.literal('url'), url }),
]);
export type Source = v.InferOutput<typeof sourceSchema>;

const targetSchema = v.variant('kind', [
  /** A file on the shared disk. */
  v.object({ kind: v.literal('file'), path }),
  /** The queue, for the submitting command. */
  v.object({ kind: v.literal('queue') }),
]);

const columns = v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(999_999)));

export const queueJobSchema = v.object({
  version: v.literal(2),
  /** Display name. */
  name: text(1, 8192),
  source: sourceSchema,
  target: targetSchema,
  format: v.picklist(FORMAT_NAMES),
  writer: v.object({
    highlightWords: v.exactOptional(v.boolean()),
    rules: v.exactOptional(
      v.object({ maxLineWidth: columns, maxLineCount: columns, maxWordsPerLine: columns }),
    ),
  }),
  options: transcribeOptionsSchema,
  /** A model that every worker needs, by name or on the shared disk; the worker's default if absent. */
  model: v.exactOptional(v.union([path, modelName])),
});
export type QueueJob = v.InferOutput<typeof queueJobSchema>;

const jobResultSchema = v.object({
  /** `there`: another worker's text existed and was kept. */
  outcome: v.picklist(['done', 'there']),
  worker: v.string(),
  /** Seconds of audio. */
  durationSeconds: v.exactOptional(inRange(0, 1e9)),
  language: v.exactOptional(v.string()),
});
export type JobResult = v.InferOutput<typeof jobResultSchema>;

const jobProgressSchema = v.object({
  worker: v.string(),
  /** Seconds of audio. */
  seconds: finite,
  totalSeconds: v.exactOptional(finite),
});
export type JobProgress = v.InferOutput<typeof jobProgressSchema>;

/** Whisper was the only family of version 1, and its options stood beside the common ones. Other jobs stay as they are. */
function fromVersion1(data: unknown): unknown {
  const job = v.safeParse(v.looseObject({ version: v.literal(1), options: v.looseObject({}) }), data);
  if (!job.success) return data;
  const isCommon = ([name]: [string, unknown]): boolean => Object.hasOwn(commonOptionsSchema.entries, name);
  const options = Object.entries(job.output.options);
  const whisper = Object.fromEntries(options.filter((option) => !isCommon(option)));
  return { ...job.output, version: 2, options: { ...Object.fromEntries(options.filter(isCommon)), whisper } };
}

/** @throws SottoError PROTOCOL */
export function parseJob(data: unknown): QueueJob {
  const parsed = v.safeParse(queueJobSchema, fromVersion1(data));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new SottoError('PROTOCOL', `not a job of Sotto: ${v.getDotPath(issue) ?? ''}: ${issue.message}`, {
    hint: 'use the same version of Sotto on all machines',
  });
}

export function parseResult(value: unknown): JobResult | undefined {
  const parsed = v.safeParse(jobResultSchema, value);
  return parsed.success ? parsed.output : undefined;
}

export function parseProgress(value: unknown): JobProgress | undefined {
  const parsed = v.safeParse(jobProgressSchema, value);
  return parsed.success ? parsed.output : undefined;
}

/**
 * The same work has the same id, so submitting it twice does it once. `stamp` distinguishes versions of a file. The
 * prefix is needed because BullMQ refuses ids that are numbers or contain a colon.
 */
export function jobId(job: QueueJob, stamp = ''): string {
  const { name: _, ...work } = job;
  return `f-${digestOfJson([work, stamp])}`;
}

/** The key of a text that is stored in the queue. */
export function textKey(id: string): string {
  return `${QUEUE_PREFIX}:texts:${id}`;
}

/** Failure reasons are stored as text: `AUDIO_EMPTY: the file has no audio`. */
export function formatReason({ code, message }: SottoError): string {
  return `${code}: ${message}`;
}

/** The reason is reduced to one line without control characters. */
export function parseReason(written: string): SottoError {
  const reason = oneLine(written);
  const [, code = '', message = ''] = /^([A-Z_]+): (.*)$/.exec(reason) ?? [];
  if (isErrorCode(code)) return new SottoError(code, message);
  // BullMQ's own reason for a job that killed several workers.
  if (/stalled/.test(reason)) return new SottoError('ENGINE_CRASHED', 'it crashed several workers');
  return new SottoError('INTERNAL', reason);
}

/** A URL for logs, without its query, which may be a secret signature. */
export function displayUrl(address: string): string {
  const { protocol, host, pathname, search } = new URL(address);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}
