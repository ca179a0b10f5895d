/**
 * What travels through a queue. Both ends parse all of it: whoever may write to that Redis may write anything, and a worker
 * of yesterday meets jobs of tomorrow.
 */
import { isAbsolute, normalize } from 'node:path';
import * as v from 'valibot';
import { isErrorCode, SottoError } from '../../protocol/errors.js';
import { finite, text, integer, inRange } from '../../protocol/fields.js';
import { transcribeOptionsSchema } from '../../protocol/transcription.js';
import { FORMAT_NAMES } from '../../writers/index.js';
import { digestOfJson } from '../output/digest.js';
import { isUrl } from '../output/display-path.js';
import { oneLine } from './worker-messages.js';

/** In Redis all keys begin with the first, and the jobs lie under the second. */
export const QUEUE_PREFIX = 'sotto';
export const QUEUE_NAME = 'files';

/** Runs of a job that fails in a way that may pass, before it is put aside. */
export const ATTEMPTS = 3;
/** What is over is kept so long, so that the same request finds it: a job is known by its id. */
export const KEEP_SECONDS = 7 * 24 * 3600;
/** Hotwords and prompts, with much to spare. */
export const MAX_JOB_BYTES = 512 * 1024;
/** A day of speech is a tenth of this. */
export const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** On a shared disk; nothing in it climbs. */
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

/** `turbo`, or `owner/name` of one that was pulled. */
const modelName = v.pipe(text(1, 200), v.regex(/^\w[\w.-]*(\/\w[\w.-]*)?$/));

const sourceSchema = v.variant('kind', [
  v.object({ kind: v.literal('path'), path }),
  v.object({ kind: v.literal('url'), url }),
]);
export type Source = v.InferOutput<typeof sourceSchema>;

const targetSchema = v.variant('kind', [
  /** A file beside the sound or elsewhere on the shared disk. */
  v.object({ kind: v.literal('file'), path }),
  /** In the queue, for whoever handed it in. */
  v.object({ kind: v.literal('queue') }),
]);

const columns = v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(999_999)));

export const queueJobSchema = v.object({
  version: v.literal(1),
  /** As the user named it. */
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
  /** A model that each worker must have, by name or on the shared disk; the worker's own when left out. */
  model: v.exactOptional(v.union([path, modelName])),
});
export type QueueJob = v.InferOutput<typeof queueJobSchema>;

const jobResultSchema = v.object({
  /** `there`: somebody was first, and theirs has stayed. */
  outcome: v.picklist(['done', 'there']),
  worker: v.string(),
  /** Of audio. */
  durationSeconds: v.exactOptional(inRange(0, 1e9)),
  language: v.exactOptional(v.string()),
});
export type JobResult = v.InferOutput<typeof jobResultSchema>;

const jobProgressSchema = v.object({
  worker: v.string(),
  /** Of audio. */
  seconds: finite,
  totalSeconds: v.exactOptional(finite),
});
export type JobProgress = v.InferOutput<typeof jobProgressSchema>;

/** @throws SottoError PROTOCOL: another version wrote it, or a stranger */
export function parseJob(data: unknown): QueueJob {
  const parsed = v.safeParse(queueJobSchema, data);
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
 * The same work has the same id: handed in twice, it is done once. `stamp` tells a file from its next version.
 * No number and no colon in front: BullMQ refuses both.
 */
export function jobId(job: QueueJob, stamp = ''): string {
  const { name: _, ...work } = job;
  return `f-${digestOfJson([work, stamp])}`;
}

/** Where the text of a job waits that has no file of its own. */
export function textKey(id: string): string {
  return `${QUEUE_PREFIX}:texts:${id}`;
}

/** Why a job failed is kept as text: `AUDIO_EMPTY: the file has no audio`. */
export function formatReason({ code, message }: SottoError): string {
  return `${code}: ${message}`;
}

/** On one line, and without what a terminal would take for orders. */
export function parseReason(written: string): SottoError {
  const reason = oneLine(written);
  const [, code = '', message = ''] = /^([A-Z_]+): (.*)$/.exec(reason) ?? [];
  if (isErrorCode(code)) return new SottoError(code, message);
  // What BullMQ says by itself of a job that one worker after another has died with.
  if (/stalled/.test(reason)) return new SottoError('ENGINE_CRASHED', 'it crashed several workers');
  return new SottoError('INTERNAL', reason);
}

/** An address as it may stand in a log: a signed one opens the door to whoever reads it. */
export function displayUrl(address: string): string {
  const { protocol, host, pathname, search } = new URL(address);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}
