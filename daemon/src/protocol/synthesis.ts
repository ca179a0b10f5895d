/**
 * Speech that a model makes from text: its options, and its audio on the way to a listener.
 *
 *     → speak  ← waiting*  ← speech-opened  ← (speech-text, audio frame)*  ← speech-final | cancelled | failed
 *
 * Audio frames (`audio-frame.ts`) hold float32, little-endian, mono, at the rate of `speech-opened`. The daemon makes only a
 * few seconds more than the client has acknowledged with `speech-acknowledge`. `cancel` ends a speech.
 */
import * as v from 'valibot';
import { withFamilyOptions } from './family-options.js';
import { finite, inRange, integer, text } from './fields.js';
import { wordSchema } from './transcription.js';
import { LIMITS } from './version.js';

export const commonSynthesisOptionsSchema = v.object({
  /** Name of a voice of the model; its default voice if omitted. */
  voice: v.exactOptional(text(1, 100)),
  /** Language code of the text, such as `en`; that of the voice if omitted. */
  language: v.exactOptional(text(2, 32)),
  /** 2 is twice as fast; default 1. */
  speed: v.exactOptional(inRange(0.25, 4)),
  /** The same seed gives the same audio; default 0. */
  seed: v.exactOptional(v.pipe(integer, v.minValue(0))),
  /** Whether the text is phonemes in the model’s own alphabet. */
  phonemes: v.exactOptional(v.boolean()),
});
export const synthesisOptionsSchema = withFamilyOptions(commonSynthesisOptionsSchema);
export type SynthesisOptions = v.InferOutput<typeof synthesisOptionsSchema>;

/** What a piece of audio speaks. */
export const spokenTextSchema = v.object({
  /** Range in the text, in UTF-16 units. */
  from: v.pipe(integer, v.minValue(0)),
  to: v.pipe(integer, v.minValue(0)),
  /** With times in seconds from the start of the speech, where the model knows them. */
  words: v.exactOptional(v.array(wordSchema)),
});
export type SpokenText = v.InferOutput<typeof spokenTextSchema>;

export const synthesisSummarySchema = v.object({
  durationSeconds: finite,
  /** Wall time in seconds: until the first audio, and of all computing. */
  timings: v.object({ firstAudio: finite, total: finite }),
});
export type SynthesisSummary = v.InferOutput<typeof synthesisSummarySchema>;

const id = text(1, 64);
const count = v.pipe(integer, v.minValue(0));

export const speechClientTable = {
  speak: v.object({
    type: v.literal('speak'),
    id,
    text: text(1, LIMITS.maxSpokenLength),
    /** Name or absolute folder; the default model if omitted. */
    model: v.exactOptional(text(1, LIMITS.maxPathLength)),
    options: v.exactOptional(synthesisOptionsSchema),
  }),
  /** `samples`: how many the listener has, from the start of the speech. */
  'speech-acknowledge': v.object({ type: v.literal('speech-acknowledge'), id, samples: count }),
};

export const speechDaemonTable = {
  /** `channel` identifies the speech in audio frames. Sample rate in Hz. */
  'speech-opened': v.object({
    type: v.literal('speech-opened'),
    id,
    channel: integer,
    sampleRate: integer,
    model: v.string(),
  }),
  /** What the next audio frame speaks. */
  'speech-text': v.object({
    type: v.literal('speech-text'),
    id,
    firstSample: count,
    spoken: spokenTextSchema,
  }),
  'speech-final': v.object({ type: v.literal('speech-final'), id, summary: synthesisSummarySchema }),
};

/** The samples in a message. A copy, because the bytes need not be aligned. @throws RangeError for half a sample */
export function toFloat32(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}
