/**
 * Word errors of a transcript. Case, punctuation and the kind of apostrophe are ignored; numbers, contractions and
 * spellings are compared as written, so the figures are slightly higher than with a language-specific normalizer
 * (OpenAI's).
 */

/** Languages written without regular spaces are scored by character. */
const BY_CHARACTER = new Set(['zh', 'yue', 'ja', 'ko', 'th', 'lo', 'my', 'km', 'bo']);

export interface Errors {
  readonly errors: number;
  /** Words of the reference; characters in languages without spaces. */
  readonly spoken: number;
}

export function errorsIn(reference: string, hypothesis: string, language: string): Errors {
  const a = units(reference, language);
  return { errors: distance(a, units(hypothesis, language)), spoken: a.length };
}

export function percent({ errors, spoken }: Errors): string {
  return spoken === 0 ? '–' : `${((100 * errors) / spoken).toFixed(1)}%`;
}

/** Reference texts spell out titles that transcripts abbreviate. */
const WRITTEN_OUT: Readonly<Record<string, string>> = {
  mr: 'mister',
  mrs: 'missus',
  st: 'saint',
  dr: 'doctor',
};

function units(text: string, language: string): string[] {
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll('’', "'")
      .match(/[\p{L}\p{N}\p{M}]+(?:'[\p{L}\p{M}]+)*/gu) ?? [];
  if (BY_CHARACTER.has(language)) return [...words.join('')];
  return language === 'en' ? words.map((word) => WRITTEN_OUT[word] ?? word) : words;
}

/** Levenshtein distance, one row at a time. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, unit] of a.entries()) {
    const next = [i + 1];
    b.forEach((other, j) => {
      const replaced = (row[j] ?? 0) + (unit === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    });
    row = next;
  }
  return row.at(-1) ?? 0;
}
