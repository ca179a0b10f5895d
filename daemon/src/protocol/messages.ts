/**
 * What travels over the socket, as JSON text frames. The client says `hello` first; the daemon answers with
 * its own and then serves. Jobs carry an `id` that the client chose, unique on its connection.
 *
 *     → hello  ← hello  → transcribe  ← waiting* ← started ← event* ← final | cancelled | failed
 *
 * `seq` counts what is never dropped for a job (language, segments, the terminal message), from 1. `text` and
 * `progress` are for display: they carry no number, and a slow reader may miss some of them.
 *
 * Where the daemon can't open the file, it says `waiting` for `file` to a client that `supplies`: that one writes a copy into the
 * folder `uploads` of the daemon's `hello` and says `supply`, unless the file opens meanwhile, which any later message tells.
 *
 *     ← waiting (file)  → supply  ← waiting* ← started
 *
 * Dictation: audio goes up in binary frames (`audio-frame.ts`), events come down (`live.ts`).
 *
 *     → open  ← opened  → frames  ← acknowledged*, live*  → finish | cancel  ← live with the last event
 *
 * A client keeps what is not acknowledged. After a lost connection it says `resume` with the last number it heard, gets
 * what came after it, and sends again from where `opened` says. A session that nobody comes back to is finished without.
 * A client that has cancelled and was not answered says `discard` to the next daemon, which answers `discarded`.
 *
 * Files that the daemon transcribes by itself (`files.ts`): `files` asks, `files-event` tells, `files-done` answers.
 *
 * Models (`models.ts`): `models` asks, `models-event` tells, `models-done` answers. Past dictations (`history.ts`): `history`
 * asks, `history-done` answers. The user's own words (`vocabulary.ts`): `vocabulary` asks, `vocabulary-done` answers. The port
 * of programs that are not Sotto's (`serve.ts`): `serve` asks, `serve-done` answers.
 */
import * as v from 'valibot';
import { finite, text, integer } from './fields.js';
import { liveEventSchema, liveOptionsSchema, sessionIdSchema } from './live.js';
import { filesClientTable, filesDaemonTable, uploadNameSchema } from './files.js';
import { historyClientTable, historyDaemonTable } from './history.js';
import { modelsClientTable, modelsDaemonTable } from './models.js';
import { parseJson, parseMessage } from './parse.js';
import { serveClientTable, serveDaemonTable } from './serve.js';
import { daemonStatusSchema } from './status.js';
import { timingsSchema, transcribeEventSchema, transcribeOptionsSchema } from './transcription.js';
import { LIMITS } from './version.js';
import { vocabularyClientTable, vocabularyDaemonTable } from './vocabulary.js';
import { errorSchema } from './wire-error.js';

const id = text(1, 64);

const filePath = v.pipe(
  text(1, LIMITS.maxPathLength),
  v.check((path) => path.startsWith('/'), 'must be absolute'),
  v.check((path) => !path.includes('\0'), 'must not hold a NUL'),
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
    /** A model's name or its folder (absolute); the daemon's own when left out. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(transcribeOptionsSchema),
    /** The client writes a copy of the file where the daemon can't open it. */
    supplies: v.exactOptional(v.boolean()),
  }),
  /** The copy of the file of a job, by its name in the folder of uploads; the daemon removes it when the job is over. */
  supply: v.object({ type: v.literal('supply'), id, upload: uploadNameSchema }),
  cancel: v.object({ type: v.literal('cancel'), id }),
  /** Begins a session of dictation. */
  open: v.object({
    type: v.literal('open'),
    id: sessionIdSchema,
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(liveOptionsSchema),
  }),
  /** Goes on with a session: `seq` is the last number that was heard, 0 if none. */
  resume: v.object({ type: v.literal('resume'), id: sessionIdSchema, seq: v.pipe(integer, v.minValue(0)) }),
  /** All was sent: `samples` of them. `left`: the client does not wait for the text, which goes into the history. */
  finish: v.object({
    type: v.literal('finish'),
    id: sessionIdSchema,
    samples: v.pipe(integer, v.minValue(0)),
    left: v.exactOptional(v.boolean()),
  }),
  /**
   * Nothing is wanted of a session that this client has cancelled, whatever has become of it meanwhile: its audio, its text
   * and its entry in the history are removed.
   */
  discard: v.object({ type: v.literal('discard'), id: sessionIdSchema }),
  ...modelsClientTable,
  ...filesClientTable,
  ...historyClientTable,
  ...vocabularyClientTable,
  ...serveClientTable,
  status: v.object({ type: v.literal('status'), id }),
  shutdown: v.object({ type: v.literal('shutdown'), id }),
};
export type ClientMessage = v.InferOutput<(typeof clientTable)[keyof typeof clientTable]>;

/** What a finished job adds to the segments that were sent before it. */
export const summarySchema = v.object({
  language: v.string(),
  durationSeconds: finite,
  /** `load`: seconds that the job waited for its model; 0 when it was warm. */
  timings: v.object({ ...timingsSchema.entries, load: finite }),
  model: v.string(),
  /** How many segments were sent. */
  segments: integer,
});
export type JobSummary = v.InferOutput<typeof summarySchema>;

/** Why a job has not begun. */
export const waitingSchema = v.object({
  for: v.picklist(['queue', 'engine', 'model', 'file']),
  /** The daemon may not open the file, or has waited for 2 s for it to open; with `file`. */
  why: v.exactOptional(v.picklist(['denied', 'slow'])),
  /** Jobs in front of it, when it waits in the queue. */
  position: v.exactOptional(integer),
});

export const startedSchema = v.object({
  /** 1, or 2 when the engine died and the job begins again on a new one. */
  attempt: integer,
  /** Length of the audio as far as its container tells. */
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
    /** Folder for copies of files that the daemon can't open. */
    uploads: v.exactOptional(v.string()),
  }),
  waiting: v.object({ ...waitingSchema.entries, type: v.literal('waiting'), id }),
  started: v.object({ ...startedSchema.entries, type: v.literal('started'), id }),
  event: v.object({ type: v.literal('event'), id, seq: v.exactOptional(seq), event: transcribeEventSchema }),
  final: v.object({ type: v.literal('final'), id, seq, summary: summarySchema }),
  cancelled: v.object({ type: v.literal('cancelled'), id, seq }),
  failed: v.object({ type: v.literal('failed'), id, seq, error: errorSchema }),
  /**
   * `channel` is what audio frames name the session by; `acknowledged` samples of it are safe already. `fallbackFor` is the
   * model that should have been there, where another one writes it down: it is still loading, or does not fit.
   */
  opened: v.object({
    type: v.literal('opened'),
    id,
    channel: integer,
    acknowledged: integer,
    model: v.string(),
    fallbackFor: v.exactOptional(v.string()),
  }),
  /** So many samples are on disk: no death of a process takes them. */
  acknowledged: v.object({ type: v.literal('acknowledged'), id, samples: integer }),
  discarded: v.object({ type: v.literal('discarded'), id }),
  live: v.object({ type: v.literal('live'), id, seq: v.exactOptional(seq), event: liveEventSchema }),
  ...modelsDaemonTable,
  ...filesDaemonTable,
  ...historyDaemonTable,
  ...vocabularyDaemonTable,
  ...serveDaemonTable,
  status: v.object({ type: v.literal('status'), id, status: daemonStatusSchema }),
  stopping: v.object({ type: v.literal('stopping'), id }),
  /** A message could not be served; `id` names it where it had one. */
  error: v.object({ type: v.literal('error'), id: v.exactOptional(id), error: errorSchema }),
};
export type DaemonMessage = v.InferOutput<(typeof daemonTable)[keyof typeof daemonTable]>;

export function parseClientMessage(json: string): ClientMessage {
  return parseMessage(clientTable, parseJson(json));
}

export function parseDaemonMessage(json: string): DaemonMessage {
  return parseMessage(daemonTable, parseJson(json));
}

/** The `id` of a message that could not be parsed, so that the error reaches the right caller. */
export function idOf(json: string): string | undefined {
  try {
    const parsed = v.safeParse(v.object({ id }), JSON.parse(json));
    return parsed.success ? parsed.output.id : undefined;
  } catch {
    return undefined;
  }
}

/** How much of a file the client has copied for the daemon; said by the client library. */
export interface Copied {
  readonly bytes: number;
}

/** Everything that happens to a job, as the one who asked for it sees it, from socket and in-process alike. */
export type JobEvent =
  | ({ type: 'waiting'; copied?: Copied } & v.InferOutput<typeof waitingSchema>)
  | ({ type: 'started' } & v.InferOutput<typeof startedSchema>)
  | v.InferOutput<typeof transcribeEventSchema>
  | { type: 'final'; summary: JobSummary };
