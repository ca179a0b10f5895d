/**
 * The user's own words: names and terms that are likely to be said, and what is written in place of what was heard. For
 * programs: `vocabulary` asks, `vocabulary-done` answers with all of it.
 *
 * Each state of it has a revision. Who changes what he has read before says which one that was; if somebody else has changed
 * it meanwhile, nothing happens but VOCABULARY_CHANGED.
 */
import * as v from 'valibot';
import { text, integer } from './fields.js';

export const VOCABULARY_LIMITS = {
  /** As many as a decode listens for (`hotwords`). */
  words: 1_000,
  wordLength: 100,
  replacements: 1_000,
  fromLength: 200,
  toLength: 500,
  /** All of it as JSON: it fits into one message. */
  bytes: 128 * 1024,
  /** Text of a file that is to be imported, in UTF-16 units: with what JSON adds, it fits as well. */
  importLength: 160 * 1024,
} as const;

const word = text(1, VOCABULARY_LIMITS.wordLength);
const from = text(1, VOCABULARY_LIMITS.fromLength);

export const replacementSchema = v.object({
  /** What is heard: a word or several, matched as whole words. In capitals, an acronym: only as it is written here. */
  from,
  /** What is written in its place; may hold line breaks. Empty: it is left out. */
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
  /** What is there already under the same word, or the same `from`, is written as it is given here. */
  v.object({
    do: v.literal('add'),
    revision,
    words: v.exactOptional(words),
    replacements: v.exactOptional(replacements),
  }),
  /** Replacements are named by their `from`. */
  v.object({
    do: v.literal('remove'),
    revision,
    words: v.exactOptional(words),
    replacements: v.exactOptional(v.pipe(v.array(from), v.maxLength(VOCABULARY_LIMITS.replacements))),
  }),
  /** All of it, in place of what was there at this revision. */
  v.object({ do: v.literal('set'), revision: text(1, 64), vocabulary: vocabularySchema }),
  /** The text of a file: JSON, or CSV, or a word a line. */
  v.object({
    do: v.literal('import'),
    revision,
    text: text(0, VOCABULARY_LIMITS.importLength),
    /** Whether what was there goes. */
    replace: v.exactOptional(v.boolean()),
  }),
  v.object({ do: v.literal('export'), format: v.picklist(VOCABULARY_FORMATS) }),
]);
export type VocabularyRequest = v.InferOutput<typeof vocabularyRequestSchema>;

/** How many of its words and replacements. */
export const vocabularyChangeSchema = v.object({ added: integer, changed: integer, removed: integer });
export type VocabularyChange = v.InferOutput<typeof vocabularyChangeSchema>;

export const vocabularyResultSchema = v.object({
  vocabulary: vocabularySchema,
  revision: v.string(),
  /** Where it was to be changed. */
  change: v.exactOptional(vocabularyChangeSchema),
  /** The text of a file, where it was to be exported. */
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

/** As one line, as it is typed and shown: a line break is `\n`, a backslash two. */
export function toOneLine(to: string): string {
  return to.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

/** What was typed as one line. */
export function fromOneLine(line: string): string {
  return line.replace(/\\(n|\\)/g, (_all, what) => (what === 'n' ? '\n' : '\\'));
}
