/**
 * What transcribing takes and gives: the nouns that models, engine, sessions, clients and writers share.
 * Objects that arrive from outside are parsed by these schemas; unknown fields are dropped, never refused.
 */
import { z } from 'zod';

/** A stretch of speech with its text. Times in seconds from the start of the file. */
export const segmentSchema = z.object({
  start: z.number(),
  end: z.number(),
  text: z.string(),
  /** Token ids of `text`, timestamp tokens included. */
  tokens: z.array(z.number().int()),
  /** Mean natural-log probability of the tokens of the window that the segment was decoded in. */
  avgLogprob: z.number(),
  /** Probability of "no speech" at the start of that window, 0…1. */
  noSpeechProb: z.number(),
  /** Bytes of the window's text over its bytes compressed; above 2.4 it is repeating itself. */
  compressionRatio: z.number(),
  /** Sampling temperature that gave the text; 0 is greedy. */
  temperature: z.number(),
});
export type Segment = z.infer<typeof segmentSchema>;

/** How to transcribe. What is left out follows OpenAI's reference defaults. */
export const transcribeOptionsSchema = z.object({
  /** Language code such as `en` or `de`; detected from the first window when left out. */
  language: z.string().min(2).max(32).exactOptional(),
  /** `translate` gives English text for speech in another language. */
  task: z.enum(['transcribe', 'translate']).exactOptional(),
  /** Temperatures to try in turn when a decode looks wrong. */
  temperature: z.array(z.number().min(0).max(2)).min(1).max(16).exactOptional(),
  /** `false` asks the model for text alone: each window becomes one segment. */
  timestamps: z.boolean().exactOptional(),
  /** Whether the text of a window is given to the next one as its prompt. */
  conditionOnPreviousText: z.boolean().exactOptional(),
  /** Text that the model takes as spoken before the file starts: names, spelling, style. */
  initialPrompt: z.string().max(4096).exactOptional(),
  /** Above this compression ratio a decode counts as repetition and falls back. */
  compressionRatioThreshold: z.number().exactOptional(),
  /** Below this mean log probability a decode counts as failed and falls back. */
  logprobThreshold: z.number().exactOptional(),
  /** Above this probability of "no speech", with a low mean log probability, a window is silent. */
  noSpeechThreshold: z.number().min(0).max(1).exactOptional(),
});
export type TranscribeOptions = z.infer<typeof transcribeOptionsSchema>;

/** What happens while a file is transcribed, in order. */
export const transcribeEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('language'), language: z.string(), probability: z.number() }),
  /** Text of the window being decoded: for live display, may still change, never kept. */
  z.object({ type: z.literal('text'), text: z.string() }),
  /** Done text: segments follow each other in time and are never taken back. */
  z.object({ type: z.literal('segment'), segment: segmentSchema }),
  /** Seconds of audio done. */
  z.object({ type: z.literal('progress'), seconds: z.number() }),
]);
export type TranscribeEvent = z.infer<typeof transcribeEventSchema>;

/** Wall time of the parts of the work, in seconds. */
export const timingsSchema = z.object({
  mel: z.number(),
  encode: z.number(),
  decode: z.number(),
  total: z.number(),
});
export type Timings = z.infer<typeof timingsSchema>;

export const transcribeResultSchema = z.object({
  text: z.string(),
  language: z.string(),
  /** Seconds of audio that the file held. */
  durationSeconds: z.number(),
  segments: z.array(segmentSchema),
  timings: timingsSchema,
});
export type TranscribeResult = z.infer<typeof transcribeResultSchema>;
