/**
 * Options and results of a transcription, shared by models, engine, sessions, clients and writers. The schemas drop unknown
 * fields and never refuse them.
 */
import * as v from 'valibot';
import { finite, text, integer, inRange } from './fields.js';

/** Times in seconds from the start of the file. */
export const wordSchema = v.object({
  start: finite,
  end: finite,
  /** With its space and punctuation, so that the words of a segment joined are its text. */
  word: v.string(),
  /** Mean probability of its tokens, 0…1. */
  probability: finite,
});
export type Word = v.InferOutput<typeof wordSchema>;

/** A piece of speech with its text. Times in seconds from the start of the file. */
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
  /** Bytes of the window's text divided by its compressed size; above 2.4 the text repeats itself. */
  compressionRatio: finite,
  /** Sampling temperature; 0 is greedy. */
  temperature: finite,
  /** With `wordTimestamps`. */
  words: v.exactOptional(v.array(wordSchema)),
  /** With `tokenLogprobs`: natural-log probability of each of `tokens`. */
  tokenLogprobs: v.exactOptional(v.array(finite)),
  /** With `tokenLogprobs`: bytes of each of `tokens` in base64, empty if it is not text. They may be part of a character. */
  tokenBytes: v.exactOptional(v.array(v.string())),
  /** With `multilingual`: the language of this segment. */
  language: v.exactOptional(v.string()),
});
export type Segment = v.InferOutput<typeof segmentSchema>;

/** Speech detection by Silero VAD; defaults as in `daemon/src/audio/vad/README.md`. */
export const speechOptionsSchema = v.object({
  /** A frame of 32 ms with at least this probability starts speech; default 0.5. */
  threshold: v.exactOptional(inRange(0.01, 0.99)),
  /** A frame below it may end speech; default: the threshold minus 0.15. */
  negativeThreshold: v.exactOptional(inRange(0, 0.99)),
  /** Shorter speech is dropped; default 250. */
  minSpeechMs: v.exactOptional(inRange(0, 60_000)),
  /** Shorter pauses count as speech; default 2000. */
  minSilenceMs: v.exactOptional(inRange(0, 60_000)),
  /** Padding at both ends; default 400. */
  speechPadMs: v.exactOptional(inRange(0, 10_000)),
});

/** Defaults are those of OpenAI's reference implementation. */
export const transcribeOptionsSchema = v.object({
  /** Language code such as `en` or `de`; detected if omitted. */
  language: v.exactOptional(text(2, 32)),
  /** Most windows of 30 s used to detect the language if one is not certain; default 1. */
  languageWindows: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Whether the language may change: it is detected again at speech after a pause. */
  multilingual: v.exactOptional(v.boolean()),
  /** `translate`: into English. */
  task: v.exactOptional(v.picklist(['transcribe', 'translate'])),
  /** Temperatures to try one after the other while a decode fails the quality checks. */
  temperature: v.exactOptional(v.pipe(v.array(inRange(0, 2)), v.minLength(1), v.maxLength(16))),
  /**
   * `false`: no timestamp tokens, so that each window becomes one segment. `auto` is fastest: no timestamps if the audio fits
   * into one window, of which only the spoken part is computed.
   */
  timestamps: v.exactOptional(v.union([v.boolean(), v.literal('auto')])),
  /** `false`: transcribe silence, too. Otherwise only detected speech is transcribed. */
  vad: v.exactOptional(v.union([v.boolean(), speechOptionsSchema])),
  /** Beam size at temperature 0; default 1, which is greedy. */
  beamSize: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** The beam search continues until beamSize × patience sequences have ended; default 1. */
  patience: v.exactOptional(inRange(0.1, 10)),
  /** Exponent of the length that divides the score of a sequence; if omitted the score is the mean. */
  lengthPenalty: v.exactOptional(inRange(0, 1)),
  /** Samples at a temperature above 0, of which the most probable is used; default 1. */
  bestOf: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Whether segments contain their words with times; segments then start and end with their words. */
  wordTimestamps: v.exactOptional(v.boolean()),
  /** Most tokens per window of 30 s. */
  maxTokens: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(448))),
  /** Ids of tokens to suppress, in addition to the non-speech tokens. */
  suppressTokens: v.exactOptional(v.pipe(v.array(v.pipe(integer, v.minValue(0))), v.maxLength(10_000))),
  /** Seconds of silence next to which improbable words are dropped as hallucinations; none are dropped if omitted. */
  hallucinationSilenceThreshold: v.exactOptional(inRange(0.1, 60)),
  /** Whether the text of a window is the prompt of the next one. */
  conditionOnPreviousText: v.exactOptional(v.boolean()),
  /** Text that the model treats as preceding the audio: names, spelling, style. */
  initialPrompt: v.exactOptional(text(0, 4096)),
  /** Whether `initialPrompt` precedes every window instead of only the first. */
  carryInitialPrompt: v.exactOptional(v.boolean()),
  /** Start of the text, from which the model continues. */
  prefix: v.exactOptional(text(0, 4096)),
  /**
   * Names and terms to listen for, in their written form. The words of the user's vocabulary if omitted; an empty list for
   * none.
   */
  hotwords: v.exactOptional(v.pipe(v.array(text(1, 100)), v.maxLength(1000))),
  /** Whether to use the user's vocabulary, including its replacements; default true. */
  vocabulary: v.exactOptional(v.boolean()),
  /**
   * Windows to decode in parallel, without the text before them as context. Default 1, but on a GPU several for long files, as
   * memory permits.
   */
  batchSize: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(64))),
  /** Whether segments contain the probability of each token. */
  tokenLogprobs: v.exactOptional(v.boolean()),
  /** Length of token n-grams that may not repeat within a window; unlimited if omitted. */
  noRepeatNgram: v.exactOptional(v.pipe(integer, v.minValue(2), v.maxValue(64))),
  /** A decode above this compression ratio counts as repetition and falls back. */
  compressionRatioThreshold: v.exactOptional(finite),
  /** A decode below this mean log probability counts as failed and falls back. */
  logprobThreshold: v.exactOptional(finite),
  /** A window above this probability of "no speech" and with a low mean log probability is silent. */
  noSpeechThreshold: v.exactOptional(inRange(0, 1)),
});
export type TranscribeOptions = v.InferOutput<typeof transcribeOptionsSchema>;

/** Events of a transcription, in order. */
export const transcribeEventSchema = v.variant('type', [
  v.object({ type: v.literal('language'), language: v.string(), probability: finite }),
  /** Text of the window being decoded: for display only, may still change. */
  v.object({ type: v.literal('text'), text: v.string() }),
  /** Committed text: segments are in order of time and append-only. */
  v.object({ type: v.literal('segment'), segment: segmentSchema }),
  /** Transcribed audio in seconds. */
  v.object({ type: v.literal('progress'), seconds: finite }),
]);
export type TranscribeEvent = v.InferOutput<typeof transcribeEventSchema>;

/** Wall time in seconds. */
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
  durationSeconds: finite,
  segments: v.array(segmentSchema),
  timings: timingsSchema,
});
export type TranscribeResult = v.InferOutput<typeof transcribeResultSchema>;
