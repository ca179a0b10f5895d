/**
 * Messages over the socket, as JSON text frames. The client sends `hello` first, the daemon answers with its own. A job has an
 * `id` that the client chooses, unique on its connection.
 *
 *     → hello  ← hello  → transcribe  ← waiting* ← started ← event* ← final | cancelled | failed
 *
 * `seq` numbers, from 1, the events of a job that are never dropped (language, segments, the terminal message). `text` and
 * `progress` are for display: they have no number, and a slow reader may miss some of them.
 *
 * If the daemon can't open the file, it sends `waiting` for `file` to a client that `supplies` copies. The client writes a copy
 * into the folder `uploads` of the daemon's `hello` and sends `supply`. Any later message means that the file could be opened.
 *
 *     ← waiting (file)  → supply  ← waiting* ← started
 *
 * Dictation: the client sends audio in binary frames (`audio-frame.ts`) and receives events (`live.ts`).
 *
 *     → open  ← opened  → frames  ← acknowledged*, live*  → finish | cancel  ← live with the last event
 *
 * A client that has the audio in a file of its own sends how much the file has instead: `open` with `hasRecording`, then
 * `recorded*`. `switch` starts again at the first sample with other settings.
 *
 * A client keeps audio until it is acknowledged. After a lost connection it sends `resume` with the last number it received,
 * gets the events after that number, and resends audio from where `opened` says. The daemon finishes a session whose client
 * does not come back. A client that cancelled and got no answer sends `discard` to the next daemon, which answers `discarded`.
 *
 * Requests with a kind of their own: the daemon's file queue (`files.ts`), models (`models.ts`), past dictations
 * (`history.ts`), the vocabulary (`vocabulary.ts`), and the port of the OpenAI API (`serve.ts`). Each is answered by
 * `<type>-done`; `files` and `models` send `<type>-event` before.
 */
import * as v from 'valibot';
import { realignmentSchema } from './aligned-text.js';
import { codecClientTable, codecDaemonTable } from './codec.js';
import { conversationClientTable, conversationDaemonTable } from './conversation.js';
import { finite, text, integer } from './fields.js';
import { liveEventSchema, liveOptionsSchema, sessionIdSchema } from './live.js';
import { filesClientTable, filesDaemonTable, uploadNameSchema } from './files.js';
import { historyClientTable, historyDaemonTable } from './history.js';
import { modelsClientTable, modelsDaemonTable } from './models.js';
import { parseJson, parseMessage } from './parse.js';
import { serveClientTable, serveDaemonTable } from './serve.js';
import { daemonStatusSchema } from './status.js';
import { sessionViewClientTable, sessionViewDaemonTable } from './session-view.js';
import { speechClientTable, speechDaemonTable } from './synthesis.js';
import { timingsSchema, transcribeEventSchema, transcribeOptionsSchema } from './transcription.js';
import { LIMITS } from './version.js';
import { vocabularyClientTable, vocabularyDaemonTable } from './vocabulary.js';
import { errorSchema } from './wire-error.js';

const id = text(1, 64);

const filePath = v.pipe(
  text(1, LIMITS.maxPathLength),
  v.check((path) => path.startsWith('/'), 'must be absolute'),
  v.check((path) => !path.includes('\0'), 'must not contain a NUL byte'),
);

/** Client → daemon. */
const clientTable = {
  hello: v.object({
    type: v.literal('hello'),
    protocol: integer,
    client: v.object({ name: text(0, 64), version: text(0, 32) }),
  }),
  transcribe: v.object({
    type: v.literal('transcribe'),
    id,
    path: filePath,
    /** Name or absolute folder; the default model if omitted. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(transcribeOptionsSchema),
    /** Whether the client can copy the file for a daemon that can't open it. */
    supplies: v.exactOptional(v.boolean()),
  }),
  /** Names the copy in the upload folder; the daemon removes it after the job. `path`: that of `waiting`, if it had one. */
  supply: v.object({
    type: v.literal('supply'),
    id,
    upload: uploadNameSchema,
    path: v.exactOptional(filePath),
  }),
  cancel: v.object({ type: v.literal('cancel'), id }),
  /** Opens a live session. */
  open: v.object({
    type: v.literal('open'),
    id: sessionIdSchema,
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(liveOptionsSchema),
    /**
     * Whether the client has written the audio so far to the recording with this id in the spool folder
     * (`store/spool/unsent-recording.ts`). The daemon makes it the session's file; the client continues writing to it and sends
     * `recorded` instead of the audio.
     */
    hasRecording: v.exactOptional(v.boolean()),
  }),
  /** The session's file has this many samples. */
  recorded: v.object({
    type: v.literal('recorded'),
    id: sessionIdSchema,
    samples: v.pipe(integer, v.minValue(0)),
  }),
  /**
   * Transcribes the session from the first sample with another model or other options, once that model is ready. Answered by
   * the event `switched` or `switch-failed` with the same `request`; a later switch replaces it.
   */
  switch: v.object({
    type: v.literal('switch'),
    id: sessionIdSchema,
    request: v.pipe(integer, v.minValue(1)),
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(liveOptionsSchema),
  }),
  /** `seq`: the last number that the client received, 0 if none. */
  resume: v.object({ type: v.literal('resume'), id: sessionIdSchema, seq: v.pipe(integer, v.minValue(0)) }),
  /** `samples`: how many were sent. `left`: the client does not wait for the text, which goes into the history. */
  finish: v.object({
    type: v.literal('finish'),
    id: sessionIdSchema,
    samples: v.pipe(integer, v.minValue(0)),
    left: v.exactOptional(v.boolean()),
  }),
  /** Removes the audio, text and history entry of a session that this client cancelled, whatever its state is by now. */
  discard: v.object({ type: v.literal('discard'), id: sessionIdSchema }),
  ...sessionViewClientTable,
  ...speechClientTable,
  ...codecClientTable,
  ...conversationClientTable,
  ...modelsClientTable,
  ...filesClientTable,
  ...historyClientTable,
  ...vocabularyClientTable,
  ...serveClientTable,
  status: v.object({ type: v.literal('status'), id }),
  shutdown: v.object({ type: v.literal('shutdown'), id }),
};
export type ClientMessage = v.InferOutput<(typeof clientTable)[keyof typeof clientTable]>;

/** What a finished job adds to its segments. */
export const summarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  /** `load`: seconds that the job waited for its model; 0 if it was loaded. */
  timings: v.object({ ...timingsSchema.entries, load: finite }),
  model: v.string(),
  /** Number of segments sent. */
  segments: integer,
  /** With `alignModel`. */
  alignment: v.exactOptional(realignmentSchema),
});
export type JobSummary = v.InferOutput<typeof summarySchema>;

/** Why a job has not started. */
export const waitingSchema = v.object({
  for: v.picklist(['queue', 'engine', 'model', 'file']),
  /** With `file`: the daemon may not open the file, or opening it takes longer than 2 s. */
  why: v.exactOptional(v.picklist(['denied', 'slow'])),
  /** With `file`: which one, if a request may have several. */
  path: v.exactOptional(v.string()),
  /** With `queue`: jobs ahead of this one. */
  position: v.exactOptional(integer),
});

export const startedSchema = v.object({
  /** 1, or 2 if the engine died and the job starts over on a new one. */
  attempt: integer,
  /** Duration according to the container, if it has one. */
  durationSeconds: v.exactOptional(finite),
});

const seq = v.pipe(integer, v.minValue(1));

/** Daemon → client. */
const daemonTable = {
  hello: v.object({
    type: v.literal('hello'),
    protocol: integer,
    version: v.string(),
    pid: integer,
    /** Folder for copies of files that the daemon can't open. Older daemons omit it. */
    uploads: v.exactOptional(v.string()),
  }),
  waiting: v.object({ ...waitingSchema.entries, type: v.literal('waiting'), id }),
  started: v.object({ ...startedSchema.entries, type: v.literal('started'), id }),
  event: v.object({ type: v.literal('event'), id, seq: v.exactOptional(seq), event: transcribeEventSchema }),
  final: v.object({ type: v.literal('final'), id, seq, summary: summarySchema }),
  cancelled: v.object({ type: v.literal('cancelled'), id, seq }),
  failed: v.object({ type: v.literal('failed'), id, seq, error: errorSchema }),
  /**
   * `channel` identifies the session in audio frames; `acknowledged` samples are on disk already. `fallbackFor` is the
   * requested model, if another one transcribes because that one is still loading or does not fit.
   */
  opened: v.object({
    type: v.literal('opened'),
    id,
    channel: integer,
    acknowledged: integer,
    model: v.string(),
    fallbackFor: v.exactOptional(v.string()),
  }),
  /** This many samples are on disk, so a crash of any process loses none of them. */
  acknowledged: v.object({ type: v.literal('acknowledged'), id, samples: integer }),
  discarded: v.object({ type: v.literal('discarded'), id }),
  live: v.object({ type: v.literal('live'), id, seq: v.exactOptional(seq), event: liveEventSchema }),
  ...sessionViewDaemonTable,
  ...speechDaemonTable,
  ...codecDaemonTable,
  ...conversationDaemonTable,
  ...modelsDaemonTable,
  ...filesDaemonTable,
  ...historyDaemonTable,
  ...vocabularyDaemonTable,
  ...serveDaemonTable,
  status: v.object({ type: v.literal('status'), id, status: daemonStatusSchema }),
  stopping: v.object({ type: v.literal('stopping'), id }),
  /** A message could not be served; `id` is that of the message, if it had one. */
  error: v.object({ type: v.literal('error'), id: v.exactOptional(id), error: errorSchema }),
};
export type DaemonMessage = v.InferOutput<(typeof daemonTable)[keyof typeof daemonTable]>;

/**
 * @throws SottoError PROTOCOL, INVALID_ARGUMENT
 * @example
 * const message = parseClientMessage('{"type":"cancel","id":"1"}'); // { type: 'cancel', id: '1' }
 */
export function parseClientMessage(json: string): ClientMessage {
  return parseMessage(clientTable, parseJson(json));
}

/** @throws SottoError PROTOCOL, INVALID_ARGUMENT */
export function parseDaemonMessage(json: string): DaemonMessage {
  return parseMessage(daemonTable, parseJson(json));
}

/** The `id` of a message that could not be parsed, so that the error can name it. */
export function idOf(json: string): string | undefined {
  try {
    const parsed = v.safeParse(v.object({ id }), JSON.parse(json));
    return parsed.success ? parsed.output.id : undefined;
  } catch {
    return undefined;
  }
}

/** Progress of the copy that the client makes for the daemon; added by the client library. */
export interface Copied {
  readonly bytes: number;
}

/** The events of a job as its caller sees them, over the socket and in-process alike. */
export type JobEvent =
  | ({ type: 'waiting'; copied?: Copied } & v.InferOutput<typeof waitingSchema>)
  | ({ type: 'started' } & v.InferOutput<typeof startedSchema>)
  | v.InferOutput<typeof transcribeEventSchema>
  | { type: 'final'; summary: JobSummary };
