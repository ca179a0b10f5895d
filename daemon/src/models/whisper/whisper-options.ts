/** What only Whisper has: its options, and what it knows about a segment. */
import * as v from 'valibot';

import type { Segment, TranscribeEvent, TranscribeResult } from '#daemon/protocol/transcription.js';
import { finite, inRange, integer, text } from '#daemon/protocol/fields.js';

/** Defaults are those of OpenAI's reference implementation. */
export const whisperOptionsSchema = v.strictObject({
  /** Most windows of 30 s used to detect the language if one is not certain; default 1. */
  languageWindows: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** The beam search continues until beamSize × patience sequences have ended; default 1. */
  patience: v.exactOptional(inRange(0.1, 10)),
  /** Exponent of the length that divides the score of a sequence; if omitted the score is the mean. */
  lengthPenalty: v.exactOptional(inRange(0, 1)),
  /** Samples at a temperature above 0, of which the most probable is used; default 1. */
  bestOf: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Most tokens per window of 30 s. */
  maxTokens: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(448))),
  /** Ids of tokens to suppress, in addition to the non-speech tokens. */
  suppressTokens: v.exactOptional(v.pipe(v.array(v.pipe(integer, v.minValue(0))), v.maxLength(10_000))),
  /** Seconds of silence next to which improbable words are dropped as hallucinations; none are dropped if omitted. */
  hallucinationSilenceThreshold: v.exactOptional(inRange(0.1, 60)),
  /** Whether the text of a window is the prompt of the next one. */
  conditionOnPreviousText: v.exactOptional(v.boolean()),
  /** Whether `initialPrompt` precedes every window instead of only the first. */
  carryInitialPrompt: v.exactOptional(v.boolean()),
  /** Start of the text, from which the model continues. */
  prefix: v.exactOptional(text(0, 4096)),
  /** Length of token n-grams that may not repeat within a window; unlimited if omitted. */
  noRepeatNgram: v.exactOptional(v.pipe(integer, v.minValue(2), v.maxValue(64))),
  /** A decode above this compression ratio counts as repetition and falls back. */
  compressionRatioThreshold: v.exactOptional(finite),
  /** A decode below this mean log probability counts as failed and falls back. */
  logprobThreshold: v.exactOptional(finite),
  /** A window above this probability of "no speech" and with a low mean log probability is silent. */
  noSpeechThreshold: v.exactOptional(inRange(0, 1)),
  /** Seed for sampling at temperatures above 0; default 0. The same seed gives the same text. */
  seed: v.exactOptional(v.pipe(integer, v.minValue(0))),
});
export type WhisperOptions = v.InferOutput<typeof whisperOptionsSchema>;

export interface WhisperSegmentDetails {
  /** Mean natural-log probability of the tokens of the window that the segment was decoded in. */
  readonly avgLogprob: number;
  /** Probability of "no speech" at the start of that window, 0…1. */
  readonly noSpeechProb: number;
  /** Bytes of the window's text divided by its compressed size; above 2.4 the text repeats itself. */
  readonly compressionRatio: number;
  /** Sampling temperature; 0 is greedy. */
  readonly temperature: number;
}

/** A segment as Whisper makes it. */
export interface WhisperSegment extends Segment {
  tokens: number[];
  details: { whisper: WhisperSegmentDetails };
}

export interface WhisperResult extends TranscribeResult {
  segments: WhisperSegment[];
}

export type WhisperEvent =
  Exclude<TranscribeEvent, { type: 'segment' }> | { type: 'segment'; segment: WhisperSegment };

declare module '#daemon/protocol/family-options.js' {
  interface FamilyOptions {
    whisper?: WhisperOptions;
  }
}

declare module '#daemon/protocol/transcription.js' {
  interface SegmentDetails {
    whisper?: WhisperSegmentDetails;
  }
}
