/** Speech that a model makes from text: its options, and its audio on the way to a listener. */
import * as v from 'valibot';
import { withFamilyOptions } from './family-options.js';
import { finite, inRange, integer, text } from './fields.js';
import { wordSchema } from './transcription.js';

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
