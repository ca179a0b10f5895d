/**
 * The daemon's file queue: a client adds files, and may disconnect and come back.
 *
 *     → files {do}  ← files-event*  ← files-done | error | cancelled
 *
 * `watch` continues until `cancel`. The daemon keeps the newest `FILE_LIMITS.kept` transcripts in memory until it exits, never
 * on disk. Clients read long ones in parts.
 */
import * as v from 'valibot';
import { finite, text, integer } from './fields.js';
import { segmentSchema, timingsSchema, transcribeOptionsSchema } from './transcription.js';
import { LIMITS } from './version.js';
import { errorSchema } from './wire-error.js';

/** Limits that the daemon enforces. */
export const FILE_LIMITS = {
  /** Files of one request, and the total length of their paths in UTF-16 units. */
  perRequest: 256,
  pathsLength: 64 * 1024,
  /** Queued and running files. */
  open: 256,
  /** Finished files whose text or error is kept. */
  kept: 100,
  /** Approximate size of one part of a transcript, in UTF-16 units of JSON. */
  partLength: 256 * 1024,
  /** Length of `tail`, in UTF-16 units. */
  tailLength: 1_000,
} as const;

const fileId = text(1, 64);
const ids = v.pipe(v.array(fileId), v.minLength(1), v.maxLength(FILE_LIMITS.open + FILE_LIMITS.kept));
const absolutePath = v.pipe(
  text(1, LIMITS.maxPathLength),
  v.check((path) => path.startsWith('/') && !path.includes('\0'), 'must be absolute'),
);

/** Name of a copy in the daemon's upload folder. */
export const uploadNameSchema = v.pipe(text(1, 64), v.regex(/^input\.\d+\.[0-9a-f]+$/));

export const filesRequestSchema = v.variant('do', [
  v.object({
    do: v.literal('add'),
    paths: v.pipe(v.array(absolutePath), v.minLength(1), v.maxLength(FILE_LIMITS.perRequest)),
    /** Name or absolute folder; the default model if omitted. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(transcribeOptionsSchema),
    /** Whether watching clients can copy a file that the daemon can't open; the file then waits (`waitsFor`). */
    supplies: v.exactOptional(v.boolean()),
  }),
  /** The copy of a waiting file, or why the client can't read the file either. */
  v.object({ do: v.literal('supply'), file: fileId, upload: uploadNameSchema }),
  v.object({ do: v.literal('refuse'), file: fileId, error: errorSchema }),
  /** Segments from index `from` on, as many as fit into one answer. */
  v.object({ do: v.literal('get'), file: fileId, from: v.pipe(integer, v.minValue(0)) }),
  v.object({ do: v.literal('cancel'), files: ids }),
  /** Cancels unfinished files first. */
  v.object({ do: v.literal('forget'), files: ids }),
  v.object({ do: v.literal('watch') }),
]);
export type FilesRequest = v.InferOutput<typeof filesRequestSchema>;

export const FILE_STATES = ['queued', 'running', 'final', 'cancelled', 'failed'] as const;

/** Same as `summarySchema` of `messages.ts`, which imports this module. */
const fileSummarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  timings: v.object({ ...timingsSchema.entries, load: finite }),
  model: v.string(),
  segments: integer,
});

export const fileJobSchema = v.object({
  id: fileId,
  path: v.string(),
  /** Milliseconds since 1970; equal for all files of one request. */
  addedMs: finite,
  state: v.picklist(FILE_STATES),
  /** Place in the queue from 1, while queued. */
  position: v.exactOptional(integer),
  /** Why it has not started although it is next; `file`: the daemon can't open it, at any place in the queue. */
  waitsFor: v.exactOptional(v.picklist(['engine', 'model', 'file'])),
  /** Duration according to the container, if it has one. */
  durationSeconds: v.exactOptional(finite),
  /** Transcribed audio. */
  doneSeconds: finite,
  language: v.exactOptional(v.string()),
  /** While it runs: the end of the text, and the text that may still change. */
  tail: v.exactOptional(v.string()),
  tentative: v.exactOptional(v.string()),
  summary: v.exactOptional(fileSummarySchema),
  error: v.exactOptional(errorSchema),
});
export type FileJob = v.InferOutput<typeof fileJobSchema>;

export const filesEventSchema = v.variant('type', [
  /** All files, in the order in which they were added. */
  v.object({ type: v.literal('files'), files: v.array(fileJobSchema) }),
  /** A file that changed. */
  v.object({ type: v.literal('file'), file: fileJobSchema }),
]);
export type FilesEvent = v.InferOutput<typeof filesEventSchema>;

export const filesResultSchema = v.variant('do', [
  v.object({ do: v.literal('add'), files: v.array(fileJobSchema) }),
  v.object({
    do: v.literal('get'),
    file: fileJobSchema,
    segments: v.array(segmentSchema),
    /** Start of the next part; absent in the last one. */
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
