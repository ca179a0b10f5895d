/**
 * A dictation in the background: one process holds the microphone and the take, whichever command began it, and any other
 * may look at it, end it or give it up. JSON lines over a Unix socket beside the daemon's; one take at a time.
 *
 *     → watch  ← take (all of it)  ← change*  … ← change (its last phase)
 *     → finish | cancel | restore | pause | resume
 */
import * as v from 'valibot';
import { finite } from './fields.js';
import { LIVE_STATES } from './live.js';
import { parseJson, parseMessage } from './parse.js';
import { errorSchema } from './wire-error.js';

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
  'gone',
] as const;
export type CapturePhase = (typeof CAPTURE_PHASES)[number];

export const captureSchema = v.object({
  /** Name of the take, in the daemon and in the history. */
  id: v.string(),
  /** Milliseconds since 1970. */
  startedMs: finite,
  phase: v.picklist(CAPTURE_PHASES),
  /** The microphone, for people. */
  device: v.exactOptional(v.string()),
  /** What writes it down, in place of another model where that is not there. */
  model: v.exactOptional(v.string()),
  insteadOf: v.exactOptional(v.string()),
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
  engine: v.exactOptional(v.picklist(LIVE_STATES)),
  daemon: v.picklist(['connecting', 'connected', 'lost']),
  /** What is to be delivered, once it is `final`. */
  text: v.exactOptional(v.string()),
  /** Why it failed, or what is wrong while it goes on. */
  error: v.exactOptional(errorSchema),
});
export type Capture = v.InferOutput<typeof captureSchema>;

const askTable = {
  watch: v.object({ type: v.literal('watch') }),
  /** All is said. */
  finish: v.object({ type: v.literal('finish') }),
  /** Nothing of it is wanted, unless `restore` comes soon; a second one ends it at once. */
  cancel: v.object({ type: v.literal('cancel') }),
  /** It is wanted after all: finishes it. */
  restore: v.object({ type: v.literal('restore') }),
  pause: v.object({ type: v.literal('pause') }),
  resume: v.object({ type: v.literal('resume') }),
};
export type CaptureAsk = v.InferOutput<(typeof askTable)[keyof typeof askTable]>;

const tellTable = {
  take: v.object({ type: v.literal('take'), take: captureSchema }),
  /** Fields that have changed, and text that was committed behind what there was. */
  change: v.object({
    type: v.literal('change'),
    change: v.partial(captureSchema),
    more: v.exactOptional(v.string()),
  }),
  error: v.object({ type: v.literal('error'), error: errorSchema }),
};
export type CaptureTell = v.InferOutput<(typeof tellTable)[keyof typeof tellTable]>;

/** @throws SottoError PROTOCOL */
export function parseCaptureAsk(line: string): CaptureAsk {
  return parseMessage(askTable, parseJson(line));
}

/** @throws SottoError PROTOCOL */
export function parseCaptureTell(line: string): CaptureTell {
  return parseMessage(tellTable, parseJson(line));
}

export function isOver(phase: CapturePhase): boolean {
  return phase === 'final' || phase === 'failed' || phase === 'gone';
}
