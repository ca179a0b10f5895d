/** The words of a known text with their times in audio. */
import * as v from 'valibot';
import { finite, integer } from './fields.js';

export const alignedWordSchema = v.object({
  /** As in the text. */
  word: v.string(),
  /** In seconds from the start of the audio. */
  start: finite,
  end: finite,
  /** Geometric mean probability of its tokens, 0…1; absent if the model has tokens for none of it. */
  confidence: v.exactOptional(finite),
});
export type AlignedWord = v.InferOutput<typeof alignedWordSchema>;

export const alignmentSchema = v.object({
  durationSeconds: finite,
  /** Of the text, in order. */
  words: v.array(alignedWordSchema),
  /** Letters and digits of the text that the model has no tokens for. A word with some of them matches any sound there. */
  unknown: v.array(v.string()),
});
export type Alignment = v.InferOutput<typeof alignmentSchema>;

/** The words of a text, each with the space before it. */
export function wordsOfText(text: string): string[] {
  return text.match(/\s*\S+/g) ?? [];
}

/** How many words of a transcript have times of another model than the one that recognized them. */
export const realignmentSchema = v.object({
  /** The model that aligned them. */
  model: v.string(),
  aligned: integer,
  /** Words with the times of the recognizer, because the model has no letters or not the language of them. */
  kept: integer,
});
export type Realignment = v.InferOutput<typeof realignmentSchema>;
