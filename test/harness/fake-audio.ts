/** "Audio files" for the fake engine: JSON that scripts what happens during transcription. */
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { ERROR_CODES } from '#daemon/protocol/errors.js';
import type { Segment } from '#daemon/protocol/transcription.js';

const scriptSchema = z.object({
  /** Number of segments of one second. */
  segments: z.number().int().default(3),
  /** Pause after each segment. */
  delayMs: z.number().default(0),
  /** Die before this segment, in the first `dieTimes` attempts. */
  dieAfter: z.number().default(-1),
  dieTimes: z.number().default(1),
  /** Block the process before this segment, in the first `dieTimes` attempts. */
  hangAfter: z.number().default(-1),
  /** Stop producing segments here but answer pings, as with a hanging GPU, in the first `dieTimes` attempts. */
  stallAfter: z.number().default(-1),
  /** Die when it is prefetched. */
  dieOnPrefetch: z.boolean().default(false),
  /** Fail before this segment, with this code. */
  failAfter: z.number().default(-1),
  failCode: z.enum(ERROR_CODES).default('AUDIO_TRUNCATED'),
  /** Give this segment a NaN probability. */
  nanAt: z.number().default(-1),
  /** Unfinished texts before each segment. */
  texts: z.number().default(0),
  textLength: z.number().default(0),
  /** Ignore cancellation. */
  deaf: z.boolean().default(false),
});
export type FakeScript = z.infer<typeof scriptSchema>;

export function parseScript(text: string): FakeScript {
  return scriptSchema.parse(JSON.parse(text));
}

export function writeFakeAudio(path: string, script: Partial<FakeScript> = {}): string {
  writeFileSync(path, JSON.stringify(script));
  return path;
}

function scriptedText(index: number, length = 0): string {
  return ` segment ${index}`.padEnd(length, '.');
}

export function scriptedSegment(index: number, avgLogprob = -0.1, textLength = 0): Segment {
  return {
    start: index,
    end: index + 1,
    text: scriptedText(index, textLength),
    tokens: [50_364 + index, 1, 2, 3],
    confidence: Math.exp(avgLogprob),
    details: { whisper: { avgLogprob, noSpeechProb: 0.01, compressionRatio: 1.2, temperature: 0 } },
  };
}

/** The texts of a complete run of `segments` segments. */
export function scriptedTexts(segments: number): string[] {
  return Array.from({ length: segments }, (_, index) => scriptedText(index));
}
