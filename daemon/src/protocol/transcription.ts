/**
 * Options and results of a transcription, shared by models, engine, sessions, clients and writers. The schemas drop unknown
 * fields and never refuse them.
 */
import * as v from 'valibot';
import { isObject, withFamilyOptions } from './family-options.js';
import { finite, text, integer, inRange } from './fields.js';
import { LIMITS } from './version.js';

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

/**
 * What only one model family knows about a segment, by the name of the family, which adds its fields by declaration
 * merging. They appear in JSON output beside the common fields.
 */
// eslint-disable-next-line @typescript-eslint/no-empty-object-type
export interface SegmentDetails {}

/** A piece of speech with its text. Times in seconds from the start of the file. */
export const segmentSchema = v.object({
  start: finite,
  end: finite,
  text: v.string(),
  /** Token ids of `text`, timestamp tokens included; absent if the family has none. */
  tokens: v.exactOptional(v.array(integer)),
  /** Geometric mean probability of the tokens that the text was decoded from, 0…1; absent if the family does not know it. */
  confidence: v.exactOptional(finite),
  /** With `wordTimestamps`. */
  words: v.exactOptional(v.array(wordSchema)),
  /** With `tokenLogprobs`: natural-log probability of each of `tokens`. */
  tokenLogprobs: v.exactOptional(v.array(finite)),
  /** With `tokenLogprobs`: bytes of each of `tokens` in base64, empty if it is not text. They may be part of a character. */
  tokenBytes: v.exactOptional(v.array(v.string())),
  /** With `multilingual`: the language of this segment. */
  language: v.exactOptional(v.string()),
  details: v.exactOptional(
    v.custom<SegmentDetails>(isObjectOfObjects, 'must hold an object for each family'),
  ),
});
export type Segment = v.InferOutput<typeof segmentSchema>;

/** The fields of `details`, whatever the family. */
export function familyDetails({ details = {} }: Pick<Segment, 'details'>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.values(details).flatMap((fields: object) => Object.entries(fields)));
}

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

/** Options that every family that transcribes understands or refuses. */
export const commonOptionsSchema = v.object({
  /** Language code such as `en` or `de`; detected if omitted. */
  language: v.exactOptional(text(2, 32)),
  /** Whether the language may change: it is detected again at speech after a pause. */
  multilingual: v.exactOptional(v.boolean()),
  /** `translate`: into English. */
  task: v.exactOptional(v.picklist(['transcribe', 'translate'])),
  /** Temperatures to try one after the other while a decode fails the quality checks; default 0, 0.2 … 1. */
  temperature: v.exactOptional(v.pipe(v.array(inRange(0, 2)), v.minLength(1), v.maxLength(16))),
  /**
   * `false`: no timestamp tokens, so that each window becomes one segment. `auto` is fastest: no timestamps if the audio fits
   * into one window, of which only the spoken part is computed.
   */
  timestamps: v.exactOptional(v.union([v.boolean(), v.literal('auto')])),
  /** `false`: transcribe silence, too. Otherwise only detected speech is transcribed. */
  vad: v.exactOptional(v.union([v.boolean(), speechOptionsSchema])),
  /**
   * Beam size at temperature 0; 1 is greedy. If omitted, and no `temperature` is given either, Whisper decodes greedily, and
   * doubtful windows again with 5 beams; other families are greedy.
   */
  beamSize: v.exactOptional(v.pipe(integer, v.minValue(1), v.maxValue(16))),
  /** Whether segments contain their words with times; segments then start and end with their words. */
  wordTimestamps: v.exactOptional(v.boolean()),
  /**
   * Name or absolute folder of a model that aligns (CTC): the words get its times instead of the recognizer's. Implies
   * `wordTimestamps` where the recognizer has them.
   */
  alignModel: v.exactOptional(text(1, LIMITS.maxPathLength)),
  /** Text that the model treats as preceding the audio: names, spelling, style. */
  initialPrompt: v.exactOptional(text(0, 4096)),
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
});

export const transcribeOptionsSchema = withFamilyOptions(commonOptionsSchema);
export type TranscribeOptions = v.InferOutput<typeof transcribeOptionsSchema>;

function isObjectOfObjects(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isObject);
}

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
