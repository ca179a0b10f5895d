/**
 * Files that the daemon transcribes by itself, one after another: a client hands them in, and may leave and come back.
 *
 *     → files {do}  ← files-event*  ← files-done | error | cancelled
 *
 * `watch` goes on until `cancel`. Texts are kept while the daemon runs, the newest `FILE_LIMITS.kept` of them; long ones
 * are read in parts. Nothing of this is written to disk.
 */
import * as v from 'valibot';
import { finite, text, integer } from './fields.js';
import { segmentSchema, timingsSchema, transcribeOptionsSchema } from './transcription.js';
import { LIMITS } from './version.js';
import { errorSchema } from './wire-error.js';

/** Bounds that the daemon keeps. */
export const FILE_LIMITS = {
  /** Files of one request, and how long their paths are together, in UTF-16 units. */
  perRequest: 256,
  pathsLength: 64 * 1024,
  /** Files that wait or run; more are refused. */
  open: 256,
  /** Files that are over, of which the text or the failure is kept. */
  kept: 100,
  /** A part of a text is about as long as this, in UTF-16 units of JSON. */
  partLength: 256 * 1024,
  /** So much of the end of what is written so far is told, in UTF-16 units. */
  tailLength: 1_000,
} as const;

const fileId = text(1, 64);
const ids = v.pipe(v.array(fileId), v.minLength(1), v.maxLength(FILE_LIMITS.open + FILE_LIMITS.kept));
const absolutePath = v.pipe(
  text(1, LIMITS.maxPathLength),
  v.check((path) => path.startsWith('/') && !path.includes('\0'), 'must be absolute'),
);

/** A copy that a client wrote into the daemon's folder of uploads. */
export const uploadNameSchema = v.pipe(text(1, 64), v.regex(/^input\.\d+\.[0-9a-f]+$/));

export const filesRequestSchema = v.variant('do', [
  v.object({
    do: v.literal('add'),
    paths: v.pipe(v.array(absolutePath), v.minLength(1), v.maxLength(FILE_LIMITS.perRequest)),
    /** A model's name or its folder (absolute); the daemon's own when left out. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(transcribeOptionsSchema),
    /** Clients that watch write a copy of a file that the daemon can't open: it waits for that (`waitsFor`). */
    supplies: v.exactOptional(v.boolean()),
  }),
  /** A copy of a file that waits for one, or why the client can't read the file either. */
  v.object({ do: v.literal('supply'), file: fileId, upload: uploadNameSchema }),
  v.object({ do: v.literal('refuse'), file: fileId, error: errorSchema }),
  /** Segments from the `from`th on, as many as one answer holds. */
  v.object({ do: v.literal('get'), file: fileId, from: v.pipe(integer, v.minValue(0)) }),
  v.object({ do: v.literal('cancel'), files: ids }),
  /** Those that are not over are cancelled before. */
  v.object({ do: v.literal('forget'), files: ids }),
  v.object({ do: v.literal('watch') }),
]);
export type FilesRequest = v.InferOutput<typeof filesRequestSchema>;

export const FILE_STATES = ['queued', 'running', 'final', 'cancelled', 'failed'] as const;

/** What a finished file adds to its segments; as `summarySchema` of `messages.ts`, which imports this module. */
const fileSummarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  timings: v.object({ ...timingsSchema.entries, load: finite }),
  model: v.string(),
  segments: integer,
});

/** A file on its way to text. */
export const fileJobSchema = v.object({
  id: fileId,
  path: v.string(),
  /** Milliseconds since 1970; the same for all that came in one request. */
  addedMs: finite,
  state: v.picklist(FILE_STATES),
  /** How many files are in front of it and it, while it is queued. */
  position: v.exactOptional(integer),
  /** Why it has not begun although it is its turn; `file`: the daemon can't open it, whatever its place in the queue. */
  waitsFor: v.exactOptional(v.picklist(['engine', 'model', 'file'])),
  /** Length of the audio as far as its container tells. */
  durationSeconds: v.exactOptional(finite),
  /** Of the audio. */
  doneSeconds: finite,
  language: v.exactOptional(v.string()),
  /** While it runs: the end of what is written, and what may still change. */
  tail: v.exactOptional(v.string()),
  tentative: v.exactOptional(v.string()),
  summary: v.exactOptional(fileSummarySchema),
  error: v.exactOptional(errorSchema),
});
export type FileJob = v.InferOutput<typeof fileJobSchema>;
export type FileState = FileJob['state'];

export const filesEventSchema = v.variant('type', [
  /** All that there are, in the order in which they came. */
  v.object({ type: v.literal('files'), files: v.array(fileJobSchema) }),
  /** One of them, which has gone on. */
  v.object({ type: v.literal('file'), file: fileJobSchema }),
]);
export type FilesEvent = v.InferOutput<typeof filesEventSchema>;

export const filesResultSchema = v.variant('do', [
  v.object({ do: v.literal('add'), files: v.array(fileJobSchema) }),
  v.object({
    do: v.literal('get'),
    file: fileJobSchema,
    segments: v.array(segmentSchema),
    /** Where the next part begins; left out with the last one. */
    next: v.exactOptional(integer),
  }),
  v.object({ do: v.literal('supply') }),
  v.object({ do: v.literal('refuse') }),
  v.object({ do: v.literal('cancel') }),
  v.object({ do: v.literal('forget') }),
]);
export type FilesResult = v.InferOutput<typeof filesResultSchema>;

const id = text(1, 64);

/** Client → daemon. */
export const filesClientTable = {
  files: v.object({ type: v.literal('files'), id, request: filesRequestSchema }),
};

/** Daemon → client; besides `error` and `cancelled`. */
export const filesDaemonTable = {
  'files-event': v.object({ type: v.literal('files-event'), id, event: filesEventSchema }),
  'files-done': v.object({ type: v.literal('files-done'), id, result: filesResultSchema }),
};
