/**
 * Dictation in the background, as JSON lines over a Unix socket next to the daemon's. One process owns the microphone and the
 * dictation; any client may watch, finish or cancel it. There is one dictation at a time. The process stays alive between
 * dictations with the microphone closed, so that the next one starts at once.
 *
 *     → begin | watch  ← dictation (complete) | idle  ← change*  … ← change (its last phase)
 *     → finish  ← finish
 *     → cancel | restore | pause | resume | switch
 *     → devices  ← devices
 *     → last  ← last
 *     → leave
 *
 * `begin` joins the active dictation, if there is one. A process with another protocol version, or whose program was replaced,
 * answers `begin` with VERSION_MISMATCH and exits; the client then starts a new one. `begin` with `protocol`, `leave` and
 * `error` must therefore keep their form in every version.
 */
import * as v from 'valibot';
import { finite } from './fields.js';
import { parseJson, parseMessage } from './parse.js';
import { errorSchema } from './wire-error.js';

/** Changes when a message or field changes its name or meaning. */
export const CAPTURE_PROTOCOL = 5;

/** How a dictation is recorded and transcribed. */
export const captureOptionsSchema = v.object({
  model: v.exactOptional(v.string()),
  language: v.exactOptional(v.string()),
  /** Initial prompt. */
  prompt: v.exactOptional(v.string()),
  /** Full or partial name of the microphone; the system default if omitted or not connected. */
  device: v.exactOptional(v.string()),
  /** Path of a file to read instead of the microphone. */
  from: v.exactOptional(v.string()),
  /** Whether the whole recording is decoded again at the end; true if omitted. */
  refine: v.exactOptional(v.boolean()),
  /** Whether it continues without a watching client. */
  keepListening: v.exactOptional(v.boolean()),
  /** Whether a chime marks its start and end. */
  sounds: v.exactOptional(v.boolean()),
});
export type CaptureOptions = v.InferOutput<typeof captureOptionsSchema>;

/** The fields that are present change; the language may be `auto`. */
export const captureSwitchSchema = v.pick(captureOptionsSchema, ['language', 'model', 'device']);
export type CaptureSwitch = v.InferOutput<typeof captureSwitchSchema>;

/**
 * `opening`: no audio from the microphone yet. `cancelled` can still be restored for a while, `discarded` can't. A dictation
 * ends as `final`, `failed` or `discarded`.
 */
export const CAPTURE_PHASES = [
  'opening',
  'listening',
  'paused',
  'finishing',
  'cancelled',
  'final',
  'failed',
  'discarded',
] as const;
export type CapturePhase = (typeof CAPTURE_PHASES)[number];

/** Its text comes from the session at the daemon (`session-view.ts`). */
export const captureSchema = v.object({
  /** Id of the session in the daemon and in the history; a new one if the session was lost. */
  id: v.string(),
  /** Milliseconds since 1970. */
  startedMs: finite,
  phase: v.picklist(CAPTURE_PHASES),
  /** Display name of the microphone. */
  device: v.exactOptional(v.string()),
  /** The requested microphone, if it is not connected. */
  missingDevice: v.exactOptional(v.string()),
  requested: v.pick(captureOptionsSchema, ['language', 'model']),
  /** After a switch: all audio so far is being transcribed again. */
  retranscribing: v.exactOptional(v.boolean()),
  /** Transcription stopped for the reason in `error`: the audio is still recorded, and the dictation ends as `failed`. */
  recordingOnly: v.exactOptional(v.boolean()),
  /** Recorded audio. */
  seconds: finite,
  /** Level of the last tenth of a second, in dB relative to full scale. */
  db: finite,
  /** Duration of digital silence once it is long enough for a warning, 0 before. */
  noSignalSeconds: finite,
  daemon: v.picklist(['connecting', 'connected', 'lost']),
  /** Text to deliver, once `final`. */
  text: v.exactOptional(v.string()),
  /** Why it failed, or a problem while it continues. */
  error: v.exactOptional(errorSchema),
});
export type Capture = v.InferOutput<typeof captureSchema>;

/** Text of a finished dictation that was not delivered to any client. */
export const lastTextSchema = v.object({ startedMs: finite, text: v.string() });
export type LastText = v.InferOutput<typeof lastTextSchema>;

const requestTable = {
  /** Starts a dictation unless one is active, and watches it. */
  begin: v.object({ type: v.literal('begin'), protocol: finite, options: captureOptionsSchema }),
  watch: v.object({ type: v.literal('watch') }),
  /** Stops recording. Answered if a dictation is active or has just ended: one of the clients delivers the text. */
  finish: v.object({ type: v.literal('finish') }),
  /** Cancels; `restore` undoes it for a while. A second `cancel`, or one after `finish`, discards at once. */
  cancel: v.object({ type: v.literal('cancel') }),
  /** Undoes a cancel and finishes the dictation. */
  restore: v.object({ type: v.literal('restore') }),
  pause: v.object({ type: v.literal('pause') }),
  resume: v.object({ type: v.literal('resume') }),
  /** Transcribes all audio so far again. */
  switch: v.object({ ...captureSwitchSchema.entries, type: v.literal('switch') }),
  devices: v.object({ type: v.literal('devices') }),
  /** Requests the text of the last dictation, if it was not delivered. */
  last: v.object({ type: v.literal('last') }),
  /** Stops the process after it has finished the active dictation. */
  leave: v.object({ type: v.literal('leave') }),
};
export type CaptureRequest = v.InferOutput<(typeof requestTable)[keyof typeof requestTable]>;

const eventTable = {
  /** `isNew`: this `begin` started it. */
  dictation: v.object({
    type: v.literal('dictation'),
    dictation: captureSchema,
    isNew: v.exactOptional(v.boolean()),
  }),
  /** No dictation is active. */
  idle: v.object({ type: v.literal('idle') }),
  /** True for the first connected client that requested it. */
  finish: v.object({ type: v.literal('finish'), shouldDeliver: v.boolean() }),
  devices: v.object({ type: v.literal('devices'), names: v.array(v.string()) }),
  /** Empty if there is none, or if it is too old. */
  last: v.object({ type: v.literal('last'), last: v.exactOptional(lastTextSchema) }),
  /** The changed fields. */
  change: v.object({ type: v.literal('change'), change: v.partial(captureSchema) }),
  error: v.object({ type: v.literal('error'), error: errorSchema }),
};
export type CaptureEvent = v.InferOutput<(typeof eventTable)[keyof typeof eventTable]>;

/** @throws SottoError PROTOCOL */
export function parseCaptureRequest(line: string): CaptureRequest {
  return parseMessage(requestTable, parseJson(line));
}

/** @throws SottoError PROTOCOL */
export function parseCaptureEvent(line: string): CaptureEvent {
  return parseMessage(eventTable, parseJson(line));
}

export function isOver(phase: CapturePhase): boolean {
  return phase === 'final' || phase === 'failed' || phase === 'discarded';
}
