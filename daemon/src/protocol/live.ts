/**
 * Speech that goes on: what a session of dictation takes and says, to clients and between daemon and engine alike.
 *
 *     open → (audio → acknowledged)* with events in between → finish | cancel → final | cancelled | failed
 *
 * `committed` text is never taken back; `tentative` text is replaced by each update. Exactly one of the last three events
 * ends a session, and nothing is said after it.
 */
import * as v from 'valibot';
import { finite, text, integer } from './fields.js';
import { transcribeOptionsSchema, wordSchema } from './transcription.js';
import { errorSchema } from './wire-error.js';

/** Chosen by the client, unique among all its sessions: it may come back to it by this name. */
export const sessionIdSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9-]{1,64}$/, 'must be 1 to 64 letters, digits or dashes'),
);

/** With the other options they are kept in the head of the take's file, which is not large. */
const MAX_HOTWORDS_LENGTH = 6_000;

export const liveOptionsSchema = v.object({
  ...v.pick(transcribeOptionsSchema, ['language', 'initialPrompt', 'vocabulary']).entries,
  /** As for files, but not as many. */
  hotwords: v.exactOptional(
    v.pipe(
      v.array(text(1, 100)),
      v.check(
        (words) => words.join('').length <= MAX_HOTWORDS_LENGTH && words.length <= 500,
        'have 6000 characters at most',
      ),
    ),
  ),
  /**
   * Whether the whole take is decoded once more at its end, and that text taken where it is better: for text that is
   * delivered only at the end. Off when left out, so that the final text is what was committed.
   */
  refine: v.exactOptional(v.boolean()),
});
export type LiveOptions = v.InferOutput<typeof liveOptionsSchema>;

/** What a session is doing. `waiting`: for the engine or its model; what is said meanwhile is kept. */
export const SESSION_STATES = ['waiting', 'listening', 'restarting', 'finishing'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

const count = v.pipe(integer, v.minValue(0));

export const finalSchema = v.object({
  type: v.literal('final'),
  /** All of it: the committed text, or the one that took its place as a whole; with the replacements of the vocabulary. */
  text: v.string(),
  language: v.exactOptional(v.string()),
  durationSeconds: finite,
  model: v.string(),
  /** Whether the text is that of the decode at the end. */
  refined: v.boolean(),
  /** Those of that decode, or with what was replaced; otherwise they are the committed ones, which were told already. */
  words: v.exactOptional(v.array(wordSchema)),
});

export const liveEventSchema = v.variant('type', [
  v.object({ type: v.literal('state'), state: v.picklist(SESSION_STATES) }),
  v.object({ type: v.literal('language'), language: v.string() }),
  /** Text said for good since the one before, with the space that belongs in front of it. */
  v.object({ type: v.literal('committed'), text: v.string(), words: v.array(wordSchema) }),
  /** What the model now thinks comes next; takes the place of the one before. */
  v.object({ type: v.literal('tentative'), text: v.string() }),
  /** How loud it is, in dB below full scale (0 is the loudest there is): of the last tenths of a second. */
  v.object({ type: v.literal('level'), rms: finite, peak: finite }),
  /** Whether somebody speaks. */
  v.object({ type: v.literal('voice'), speaking: v.boolean() }),
  /** How much audio is gathered before it is looked at again: more where the machine is too slow for less. */
  v.object({ type: v.literal('decode-interval'), intervalSeconds: finite }),
  /** Something is wrong, and the session goes on. */
  v.object({ type: v.literal('warning'), error: errorSchema }),
  finalSchema,
  v.object({ type: v.literal('cancelled') }),
  /** The audio is kept; `recording` names it, for another try. */
  v.object({ type: v.literal('failed'), error: errorSchema, recording: v.exactOptional(v.string()) }),
]);
export type LiveEvent = v.InferOutput<typeof liveEventSchema>;
export type FinalEvent = v.InferOutput<typeof finalSchema>;

/** What is never dropped, and therefore numbered: the rest is for display, and only the last of each kind matters. */
const NUMBERED = new Set<LiveEvent['type']>([
  'language',
  'committed',
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

/** All that an engine needs to go on from where another one was. Only the model's family knows what `state` is. */
export const checkpointSchema = v.object({ fromSample: count, state: v.unknown() });
export type LiveCheckpoint = v.InferOutput<typeof checkpointSchema>;

/** PCM on its way: s16le mono 16 kHz. */
export const SAMPLE_RATE = 16_000;
export const BYTES_PER_SAMPLE = 2;

/** Voice activity has one probability for so many samples, */
export const VAD_FRAME_SAMPLES = 512;
/** and a session that listens for nothing else looks each time that so many more are there. */
export const VAD_CHUNK_SAMPLES = 4 * VAD_FRAME_SAMPLES;
