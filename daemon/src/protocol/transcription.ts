/**
 * What transcribing takes and gives: the nouns that models, engine, sessions, clients and writers share.
 * Objects that arrive from outside are parsed by these schemas; unknown fields are dropped, never refused.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from './fields.js';

/** A word with its times, in seconds from the start of the file. */
export const wordSchema = v.object({
  start: finite,
  end: finite,
  /** With the space and the punctuation that belong to it: the words of a segment joined are its text. */
  word: v.string(),
  /** Mean probability of its tokens, 0…1. */
  probability: finite,
});
export type Word = v.InferOutput<typeof wordSchema>;

/** A stretch of speech with its text. Times in seconds from the start of the file. */
export const segmentSchema = v.object({
  start: finite,
  end: finite,
  text: v.string(),
  /** Token ids of `text`, timestamp tokens included. */
  tokens: v.array(integer),
  /** Mean natural-log probability of the tokens of the window that the segment was decoded in. */
  avgLogprob: finite,
  /** Probability of "no speech" at the start of that window, 0…1. */
  noSpeechProb: finite,
  /** Bytes of the window's text over its bytes compressed; above 2.4 it is repeating itself. */
  compressionRatio: finite,
  /** Sampling temperature that gave the text; 0 is greedy. */
  temperature: finite,
  /** Where `wordTimestamps` were asked for. */
  words: v.exactOptional(v.array(wordSchema)),
  /** Natural-log probability of each of `tokens`, where `tokenLogprobs` were asked for. */
  tokenLogprobs: v.exactOptional(v.array(finite)),
  /** Beside them: the bytes of each of `tokens` in base64, empty for those that are no text. One may be part of a character. */
  tokenBytes: v.exactOptional(v.array(v.string())),
  /** Where `multilingual` was asked for: the language of this segment. */
  language: v.exactOptional(v.string()),
});
export type Segment = v.InferOutput<typeof segmentSchema>;

/** When a sound counts as speech (Silero VAD). What is left out is as in `daemon/src/audio/vad/README.md`. */
export const speechOptionsSchema = v.object({
  /** From this probability on, a frame of 32 ms starts speech; 0.5 when left out. */
  threshold: v.exactOptional(inRange(0.01, 0.99)),
  /** Below it, a frame may end speech; 0.15 under the threshold when left out. */
  negativeThreshold: v.exactOptional(inRange(0, 0.99)),
  /** Shorter stretches are dropped; 250 when left out. */
  minSpeechMs: v.exactOptional(inRange(0, 60_000)),
  /** Shorter pauses belong to the speech around them; 2000 when left out. */
  minSilenceMs: v.exactOptional(inRange(0, 60_000)),
  /** Added at both ends; 400 when left out. */
  speechPadMs: v.exactOptional(inRange(0, 10_000)),
});

/** How to transcribe. What is left out follows OpenAI's reference defaults. */
export const transcribeOptionsSchema = v.object({
  /** Language code such as `en` or `de`; detected when left out. */
  language: v.exactOptional(text(2, 32)),
  /** Windows of 30 s that the language is detected from, if one is not sure of it; 1, the first, when left out. */
  languageWindows: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Whether the language may change on the way: it is then detected again wherever somebody speaks after a pause. */
  multilingual: v.exactOptional(v.boolean()),
  /** `translate` gives English text for speech in another language. */
  task: v.exactOptional(v.picklist(['transcribe', 'translate'])),
  /** Temperatures to try in turn when a decode looks wrong. */
  temperature: v.exactOptional(v.pipe(v.array(inRange(0, 2)), v.minLength(1), v.maxLength(16))),
  /**
   * `false` asks the model for text alone: each window becomes one segment. `auto` is the fastest way to the text: no
   * timestamps where the audio fits in one window, of which then no more is computed than is spoken.
   */
  timestamps: v.exactOptional(v.union([v.boolean(), v.literal('auto')])),
  /** `false` gives the model everything, silence too. Otherwise only where somebody speaks is listened to. */
  vad: v.exactOptional(v.union([v.boolean(), speechOptionsSchema])),
  /** Sequences of the beam search at temperature 0; 1 is greedy, which is what is done when left out. */
  beamSize: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** The beam search goes on until beamSize × patience sequences have ended; 1 when left out. */
  patience: v.exactOptional(inRange(0.1, 10)),
  /** Exponent of the length that the score of a sequence is divided by; its mean when left out. */
  lengthPenalty: v.exactOptional(inRange(0, 1)),
  /** Sequences drawn at a temperature above 0, of which the likeliest is taken; 1 when left out. */
  bestOf: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Whether each segment tells its words with their times; segments then begin and end with their words. */
  wordTimestamps: v.exactOptional(v.boolean()),
  /** Tokens that a window of 30 s may have at most. */
  maxTokens: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(448))),
  /** Ids of tokens that are never taken, beside those that nobody says. */
  suppressTokens: v.exactOptional(v.pipe(v.array(v.pipe(integer, v.minValue(0))), v.maxLength(10_000))),
  /** Seconds of silence around which unlikely words are taken for invented and dropped; none are when left out. */
  hallucinationSilenceThreshold: v.exactOptional(inRange(0.1, 60)),
  /** Whether the text of a window is given to the next one as its prompt. */
  conditionOnPreviousText: v.exactOptional(v.boolean()),
  /** Text that the model takes as spoken before the file starts: names, spelling, style. */
  initialPrompt: v.exactOptional(text(0, 4096)),
  /** Whether `initialPrompt` stands in front of every window and not of the first alone. */
  carryInitialPrompt: v.exactOptional(v.boolean()),
  /** What the text begins with: the model goes on from there. */
  prefix: v.exactOptional(text(0, 4096)),
  /**
   * Names and words that are likely to be said, spelled as they are to be written. Those of the user's vocabulary when left
   * out; an empty list for none.
   */
  hotwords: v.exactOptional(v.pipe(v.array(text(1, 100)), v.maxLength(1000))),
  /** Whether the user's vocabulary is used at all, its replacements too; it is when left out. */
  vocabulary: v.exactOptional(v.boolean()),
  /**
   * Windows that are decoded at once; none is then given the text before it. When left out one after the other, but on a GPU long
   * files several at once, by memory.
   */
  batchSize: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(64))),
  /** Whether each segment tells how probable each of its tokens is. */
  tokenLogprobs: v.exactOptional(v.boolean()),
  /** No run of so many tokens is said twice in a window; runs may repeat when left out. */
  noRepeatNgram: v.exactOptional(v.pipe(integer, v.minValue(2), v.maxValue(64))),
  /** Above this compression ratio a decode counts as repetition and falls back. */
  compressionRatioThreshold: v.exactOptional(finite),
  /** Below this mean log probability a decode counts as failed and falls back. */
  logprobThreshold: v.exactOptional(finite),
  /** Above this probability of "no speech", with a low mean log probability, a window is silent. */
  noSpeechThreshold: v.exactOptional(inRange(0, 1)),
});
export type TranscribeOptions = v.InferOutput<typeof transcribeOptionsSchema>;

/** What happens while a file is transcribed, in order. */
export const transcribeEventSchema = v.variant('type', [
  v.object({ type: v.literal('language'), language: v.string(), probability: finite }),
  /** Text of the window being decoded: for live display, may still change, never kept. */
  v.object({ type: v.literal('text'), text: v.string() }),
  /** Done text: segments follow each other in time and are never taken back. */
  v.object({ type: v.literal('segment'), segment: segmentSchema }),
  /** Seconds of audio done. */
  v.object({ type: v.literal('progress'), seconds: finite }),
]);
export type TranscribeEvent = v.InferOutput<typeof transcribeEventSchema>;

/** Wall time of the parts of the work, in seconds. */
export const timingsSchema = v.object({
  mel: finite,
  encode: finite,
  decode: finite,
  total: finite,
});
export type Timings = v.InferOutput<typeof timingsSchema>;

export const transcribeResultSchema = v.object({
  text: v.string(),
  language: v.string(),
  /** Seconds of audio that the file held. */
  durationSeconds: finite,
  segments: v.array(segmentSchema),
  timings: timingsSchema,
});
export type TranscribeResult = v.InferOutput<typeof transcribeResultSchema>;
