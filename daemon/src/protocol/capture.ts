/**
 * A dictation in the background: one process holds the microphone and the take, whichever command began it, and any other
 * may look at it, end it or give it up. JSON lines over a Unix socket beside the daemon's; one take at a time. The process
 * stays between takes, with the microphone closed, so that the next one begins at once.
 *
 *     → begin | watch  ← take (all of it) | idle  ← change*  … ← change (its last phase)
 *     → finish  ← finish
 *     → cancel | restore | pause | resume | switch
 *     → devices  ← devices
 *     → last  ← last
 *     → leave
 *
 * `begin` gives the take that goes on, if there is one. A process that is too old for whoever asks, or whose program was
 * replaced, answers `begin` with VERSION_MISMATCH and leaves: another one is to be started.
 */
import * as v from 'valibot';
import { finite } from './fields.js';
import { SESSION_STATES } from './live.js';
import { parseJson, parseMessage } from './parse.js';
import { errorSchema } from './wire-error.js';

/** Changes when a message changes its meaning. */
export const CAPTURE_PROTOCOL = 3;

/** How a take is begun. */
export const captureOptionsSchema = v.object({
  model: v.exactOptional(v.string()),
  language: v.exactOptional(v.string()),
  /** Text that counts as said before. */
  prompt: v.exactOptional(v.string()),
  /** Name of the microphone, or a part of it: the system's own where it is left out, or not connected. */
  device: v.exactOptional(v.string()),
  /** Path of a file in place of the microphone. */
  from: v.exactOptional(v.string()),
  /** Whether the whole is decoded once more at the end: true when left out. */
  refine: v.exactOptional(v.boolean()),
  /** Whether it goes on when nobody looks at it. */
  keepListening: v.exactOptional(v.boolean()),
  /** Whether its beginning and its end can be heard. */
  sounds: v.exactOptional(v.boolean()),
});
export type CaptureOptions = v.InferOutput<typeof captureOptionsSchema>;

/** In another language (`auto`: to be found out), by another model, from another microphone: what is given changes. */
export const captureSwitchSchema = v.pick(captureOptionsSchema, ['language', 'model', 'device']);
export type CaptureSwitch = v.InferOutput<typeof captureSwitchSchema>;

/**
 * `opening`: the microphone gives nothing yet. `cancelled` is one that can still be restored, for a while; `gone` is not.
 * The last ones are `final`, `failed` and `gone`.
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

export const captureSchema = v.object({
  /** Name of the take in the daemon and in the history; another one after a switch. */
  id: v.string(),
  /** Milliseconds since 1970. */
  startedMs: finite,
  phase: v.picklist(CAPTURE_PHASES),
  /** The microphone, for people. */
  device: v.exactOptional(v.string()),
  /** The microphone that was wanted, and is not connected. */
  missingDevice: v.exactOptional(v.string()),
  /** What it was told to expect, and to be written down by. */
  requested: v.pick(captureOptionsSchema, ['language', 'model']),
  /** All that was said so far is being written down again, after a switch. */
  retranscribing: v.exactOptional(v.boolean()),
  /** Nothing writes it down any more, for the reason in `error`: its sound is kept, and it ends as `failed`. */
  recordingOnly: v.exactOptional(v.boolean()),
  /** What writes it down, in place of another model where that is not there. */
  model: v.exactOptional(v.string()),
  fallbackFor: v.exactOptional(v.string()),
  language: v.exactOptional(v.string()),
  /** Said for good; text that may still change behind it. */
  committed: v.string(),
  tentative: v.string(),
  /** Seconds of sound. */
  seconds: finite,
  /** Loudness of the last tenth of a second, in dB below full scale. */
  db: finite,
  /** Seconds of digital silence, once that is long enough to be said; 0 before. */
  noSignalSeconds: finite,
  speaking: v.boolean(),
  engine: v.exactOptional(v.picklist(SESSION_STATES)),
  daemon: v.picklist(['connecting', 'connected', 'lost']),
  /** What is to be delivered, once it is `final`. */
  text: v.exactOptional(v.string()),
  /** Why it failed, or what is wrong while it goes on. */
  error: v.exactOptional(errorSchema),
});
export type Capture = v.InferOutput<typeof captureSchema>;

/** What a take has left that nobody was given. */
export const lastTextSchema = v.object({ startedMs: finite, text: v.string() });
export type LastText = v.InferOutput<typeof lastTextSchema>;

const requestTable = {
  /** Begins a take, unless one goes on; and watches it. */
  begin: v.object({ type: v.literal('begin'), protocol: finite, options: captureOptionsSchema }),
  watch: v.object({ type: v.literal('watch') }),
  /** All is said. It is answered, where a take goes on or has just ended: whoever is the one delivers the text. */
  finish: v.object({ type: v.literal('finish') }),
  /** Nothing of it is wanted, unless `restore` comes soon; a second one, or one after `finish`, ends it at once. */
  cancel: v.object({ type: v.literal('cancel') }),
  /** It is wanted after all: finishes it. */
  restore: v.object({ type: v.literal('restore') }),
  pause: v.object({ type: v.literal('pause') }),
  resume: v.object({ type: v.literal('resume') }),
  /** What was said so far is said again to a session of its own; none of the sound is lost. */
  switch: v.object({ ...captureSwitchSchema.entries, type: v.literal('switch') }),
  devices: v.object({ type: v.literal('devices') }),
  /** The text of the last take, where nobody was there to be given it. */
  last: v.object({ type: v.literal('last') }),
  /** Ends the process; a take that goes on is finished first. */
  leave: v.object({ type: v.literal('leave') }),
};
export type CaptureRequest = v.InferOutput<(typeof requestTable)[keyof typeof requestTable]>;

const eventTable = {
  /** `isNew`: the answer to the `begin` that began it. */
  dictation: v.object({
    type: v.literal('dictation'),
    dictation: captureSchema,
    isNew: v.exactOptional(v.boolean()),
  }),
  /** Nothing goes on. */
  idle: v.object({ type: v.literal('idle') }),
  /** Whether whoever asked is the first who did, of those who are still there. */
  finish: v.object({ type: v.literal('finish'), shouldDeliver: v.boolean() }),
  devices: v.object({ type: v.literal('devices'), names: v.array(v.string()) }),
  /** Empty where there is none, or it was forgotten. */
  last: v.object({ type: v.literal('last'), last: v.exactOptional(lastTextSchema) }),
  /** Fields that have changed, and text that was committed behind what there was. */
  change: v.object({
    type: v.literal('change'),
    change: v.partial(captureSchema),
    appended: v.exactOptional(v.string()),
  }),
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
