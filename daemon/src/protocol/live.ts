/**
 * Options and events of a live session, for clients and between daemon and engine.
 *
 *     open → (audio → acknowledged)* with events in between → finish | cancel → final | cancelled | failed
 *
 * `committed` text is append-only; each update replaces the `tentative` text. Exactly one of `final`, `cancelled` and `failed`
 * ends a session; no event follows it.
 */
import * as v from 'valibot';
import { finite, text, integer } from './fields.js';
import { commonOptionsSchema, wordSchema } from './transcription.js';
import { errorSchema } from './wire-error.js';

/** Chosen by the client and unique among all its sessions, because `resume` uses it. */
export const sessionIdSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be 1 to 64 letters, digits or dashes'),
);

/** In UTF-16 units. The options are stored in the header of the spool file, which is small. */
const MAX_HOTWORDS_LENGTH = 6_000;

export const liveOptionsSchema = v.object({
  ...v.pick(commonOptionsSchema, ['language', 'initialPrompt', 'vocabulary']).entries,
  /** As for files, but fewer. */
  hotwords: v.exactOptional(
    v.pipe(
      v.array(text(1, 100)),
      v.check(
        (words) => words.join('').length <= MAX_HOTWORDS_LENGTH && words.length <= 500,
        'must have at most 500 entries and 6000 characters',
      ),
    ),
  ),
  /**
   * Whether the whole recording is decoded again at the end, and that text used if it is better: for text that is delivered
   * only at the end. False if omitted, so that the final text equals the committed text.
   */
  refine: v.exactOptional(v.boolean()),
});
export type LiveOptions = v.InferOutput<typeof liveOptionsSchema>;

/** `waiting`: for the engine or its model; audio is recorded meanwhile. */
export const SESSION_STATES = ['waiting', 'listening', 'restarting', 'finishing'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

const count = v.pipe(integer, v.minValue(0));

export const finalSchema = v.object({
  type: v.literal('final'),
  /** The committed text, or the text of the refining decode that replaced it; vocabulary replacements are applied. */
  text: v.string(),
  language: v.exactOptional(v.string()),
  durationSeconds: finite,
  model: v.string(),
  /** Whether the text comes from the refining decode at the end. */
  refined: v.boolean(),
  /** Present if they differ from the committed words that were sent: refined or with replacements. */
  words: v.exactOptional(v.array(wordSchema)),
});

export const liveEventSchema = v.variant('type', [
  v.object({ type: v.literal('state'), state: v.picklist(SESSION_STATES) }),
  v.object({ type: v.literal('language'), language: v.string() }),
  /** Text committed since the last such event, with its leading space. */
  v.object({ type: v.literal('committed'), text: v.string(), words: v.array(wordSchema) }),
  /** What the model currently expects next; replaces the last one. */
  v.object({ type: v.literal('tentative'), text: v.string() }),
  /** Level of the last tenths of a second, in dB relative to full scale (0 is the maximum). */
  v.object({ type: v.literal('level'), rms: finite, peak: finite }),
  /** Whether the VAD detects speech. */
  v.object({ type: v.literal('voice'), speaking: v.boolean() }),
  /** Audio between two decode steps; longer on a slow machine. */
  v.object({ type: v.literal('decode-interval'), intervalSeconds: finite }),
  /**
   * Another model or other options transcribe the session, from the first sample on: what was committed until now no
   * longer counts. `request` is that of the `switch`; 0 at the start of a session.
   */
  v.object({
    type: v.literal('switched'),
    request: count,
    model: v.string(),
    fallbackFor: v.exactOptional(v.string()),
  }),
  /** A `switch` failed, and the session continues as before it. */
  v.object({ type: v.literal('switch-failed'), request: count, error: errorSchema }),
  /** Something failed, but the session continues. */
  v.object({ type: v.literal('warning'), error: errorSchema }),
  finalSchema,
  v.object({ type: v.literal('cancelled') }),
  /** The audio is kept; `recording` names it for another attempt. */
  v.object({ type: v.literal('failed'), error: errorSchema, recording: v.exactOptional(v.string()) }),
]);
export type LiveEvent = v.InferOutput<typeof liveEventSchema>;
export type FinalEvent = v.InferOutput<typeof finalSchema>;

/** These events are numbered and never dropped. The others are for display, and only the last of each type matters. */
const NUMBERED = new Set<LiveEvent['type']>([
  'language',
  'committed',
  'switched',
  'switch-failed',
  'warning',
  'final',
  'cancelled',
  'failed',
]);

export function isNumbered(event: LiveEvent): boolean {
  return NUMBERED.has(event.type);
}

export function isTerminal(event: LiveEvent): boolean {
  return event.type === 'final' || event.type === 'cancelled' || event.type === 'failed';
}

/** What an engine needs to continue the work of another one. Only the model family interprets `state`. */
export const checkpointSchema = v.object({ fromSample: count, state: v.unknown() });
export type SessionCheckpoint = v.InferOutput<typeof checkpointSchema>;

/** Audio in messages: s16le mono 16 kHz. */
export const SAMPLE_RATE = 16_000;
export const BYTES_PER_SAMPLE = 2;

/** The VAD gives one probability per frame. */
export const VAD_FRAME_SAMPLES = 512;
/** A session that only runs the VAD processes this many samples at a time. */
export const VAD_CHUNK_SAMPLES = 4 * VAD_FRAME_SAMPLES;
