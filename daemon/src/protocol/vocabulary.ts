/**
 * The user's vocabulary: names and terms to listen for, and replacements. Every answer contains all of it.
 *
 * Each state has a revision. A change may name the revision that it is based on; if the vocabulary has changed since, the
 * request fails with VOCABULARY_CHANGED.
 */
import * as v from 'valibot';
import { text, integer } from './fields.js';

export const VOCABULARY_LIMITS = {
  /** The limit of `hotwords`. */
  words: 1_000,
  wordLength: 100,
  replacements: 1_000,
  fromLength: 200,
  toLength: 500,
  /** The vocabulary as JSON, so that it fits into one message. */
  bytes: 128 * 1024,
  /** Text of an imported file, in UTF-16 units; it fits into one message even with JSON escapes. */
  importLength: 160 * 1024,
} as const;

const word = text(1, VOCABULARY_LIMITS.wordLength);
const from = text(1, VOCABULARY_LIMITS.fromLength);

export const replacementSchema = v.object({
  /** Recognized text: one or more whole words. An acronym in capitals matches only as it is written here. */
  from,
  /** Replacement; may contain line breaks. Empty: the text is removed. */
  to: text(0, VOCABULARY_LIMITS.toLength),
});
export type Replacement = v.InferOutput<typeof replacementSchema>;

const words = v.pipe(v.array(word), v.maxLength(VOCABULARY_LIMITS.words));
const replacements = v.pipe(v.array(replacementSchema), v.maxLength(VOCABULARY_LIMITS.replacements));

export const vocabularySchema = v.object({ words, replacements });
export type Vocabulary = v.InferOutput<typeof vocabularySchema>;

export const VOCABULARY_FORMATS = ['json', 'csv'] as const;
export type VocabularyFormat = (typeof VOCABULARY_FORMATS)[number];

const revision = v.exactOptional(text(1, 64));

export const vocabularyRequestSchema = v.variant('do', [
  v.object({ do: v.literal('get') }),
  /** Replaces existing entries with the same word or `from`. */
  v.object({
    do: v.literal('add'),
    revision,
    words: v.exactOptional(words),
    replacements: v.exactOptional(replacements),
  }),
  /** Names replacements by their `from`. */
  v.object({
    do: v.literal('remove'),
    revision,
    words: v.exactOptional(words),
    replacements: v.exactOptional(v.pipe(v.array(from), v.maxLength(VOCABULARY_LIMITS.replacements))),
  }),
  /** Replaces the whole vocabulary. */
  v.object({ do: v.literal('set'), revision: text(1, 64), vocabulary: vocabularySchema }),
  /** `text`: JSON, CSV, or one word per line. */
  v.object({
    do: v.literal('import'),
    revision,
    text: text(0, VOCABULARY_LIMITS.importLength),
    /** Whether to remove the existing entries. */
    replace: v.exactOptional(v.boolean()),
  }),
  v.object({ do: v.literal('export'), format: v.picklist(VOCABULARY_FORMATS) }),
]);
export type VocabularyRequest = v.InferOutput<typeof vocabularyRequestSchema>;

/** Numbers of words and replacements. */
export const vocabularyChangeSchema = v.object({ added: integer, changed: integer, removed: integer });
export type VocabularyChange = v.InferOutput<typeof vocabularyChangeSchema>;

export const vocabularyResultSchema = v.object({
  vocabulary: vocabularySchema,
  revision: v.string(),
  /** After a change. */
  change: v.exactOptional(vocabularyChangeSchema),
  /** After an export: the text of the file. */
  text: v.exactOptional(v.string()),
});
export type VocabularyResult = v.InferOutput<typeof vocabularyResultSchema>;

const id = text(1, 64);

export const vocabularyClientTable = {
  vocabulary: v.object({ type: v.literal('vocabulary'), id, request: vocabularyRequestSchema }),
};

export const vocabularyDaemonTable = {
  'vocabulary-done': v.object({ type: v.literal('vocabulary-done'), id, result: vocabularyResultSchema }),
};

/** Escapes line breaks as `\n` and backslashes as `\\`, for input fields and lists. */
export function toOneLine(to: string): string {
  return to.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

/** Reverses `toOneLine`. */
export function fromOneLine(line: string): string {
  return line.replace(/\\(n|\\)/g, (_all, what) => (what === 'n' ? '\n' : '\\'));
}
