/** Formats of the vocabulary: the stored file, exports and imports. */
import * as v from 'valibot';
import { messageOf, SottoError } from '../../protocol/errors.js';
import {
  fromOneLine,
  vocabularySchema,
  type Vocabulary,
  type VocabularyFormat,
} from '../../protocol/vocabulary.js';
import { fromCsv, toCsv } from './csv.js';

/** Of the stored file. */
const VERSION = 1;

const storedSchema = v.object({
  version: v.optional(
    v.pipe(v.number(), v.maxValue(VERSION, 'was written by a newer version of Sotto')),
    VERSION,
  ),
  words: v.optional(vocabularySchema.entries.words, []),
  replacements: v.optional(vocabularySchema.entries.replacements, []),
});

export function formatVocabulary(
  { words, replacements }: Vocabulary,
  format: VocabularyFormat = 'json',
): string {
  if (format === 'csv') return toCsv({ words, replacements });
  return `${JSON.stringify({ version: VERSION, words, replacements }, null, 2)}\n`;
}

/** @throws Error that describes the problem */
export function parseVocabularyFile(text: string): Vocabulary {
  const parsed = v.safeParse(storedSchema, JSON.parse(text));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new Error(`${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`);
  }
  const { words, replacements } = parsed.output;
  return { words, replacements };
}

/** Control characters other than tabs and line ends: text has none, but audio, programs and UTF-16 do. */
// eslint-disable-next-line no-control-regex -- it matches control characters
const BINARY = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/;

const strings = v.array(v.string());
const pairs = v.record(v.string(), v.string());
const objects = v.array(v.object({ from: v.string(), to: v.string() }));

/**
 * Parses an imported file: JSON (ours, a list of words, or an object of replacements), a table, or one word per
 * line.
 * @throws SottoError INVALID_ARGUMENT
 */
export function parseImport(text: string): Vocabulary {
  const isJson = /^\uFEFF?\s*[[{]/.test(text);
  try {
    if (BINARY.test(text)) throw new TypeError('not text');
    return isJson ? fromJson(JSON.parse(text.replace(/^\uFEFF/, ''))) : fromCsv(text);
  } catch (error) {
    throw new SottoError('INVALID_ARGUMENT', `not a vocabulary: ${messageOf(error)}`, {
      cause: error,
      hint: 'use JSON, CSV, or text with one word per line',
    });
  }
}

function fromJson(json: unknown): Vocabulary {
  if (Array.isArray(json)) return { words: v.parse(strings, json), replacements: [] };
  if (typeof json !== 'object' || json === null) throw new TypeError('neither a list nor an object');
  const isOurs = 'words' in json || 'replacements' in json;
  if (!isOurs) return { words: [], replacements: listOf(v.parse(pairs, json)) };
  const { words = [], replacements = [] }: { words?: unknown; replacements?: unknown } = json;
  return {
    words: v.parse(strings, words),
    replacements: Array.isArray(replacements)
      ? v.parse(objects, replacements)
      : listOf(v.parse(pairs, replacements)),
  };
}

function listOf(replacements: Readonly<Record<string, string>>): Vocabulary['replacements'] {
  return Object.entries(replacements).map(([from, to]) => ({ from, to: fromOneLine(to) }));
}
