/** Parses a search query: words that must all occur. It has no operators. */
import { tokenize } from './tokenize.js';

/** Consecutive tokens: `don't` has two, a Chinese word one per character. */
export interface Term {
  readonly tokens: readonly string[];
  /** Whether the last token is a prefix: the word is still being typed. */
  readonly prefix: boolean;
}

/** More words than anyone types; FTS5 refuses expressions that are too deep. */
const MAX_TERMS = 32;
const MAX_TOKENS_PER_TERM = 64;

export function parseQuery(query: string): Term[] {
  const terms = query
    .split(/\s+/u)
    .map((word) => tokenize(word).map(({ token }) => token))
    .filter((tokens) => tokens.length > 0);
  return terms.slice(0, MAX_TERMS).map((tokens, index) => ({
    tokens: tokens.slice(0, MAX_TOKENS_PER_TERM),
    prefix: index === terms.length - 1,
  }));
}

/** As an FTS5 expression. Tokens only contain letters, marks and digits, so quoting is sufficient. */
export function toFts(terms: readonly Term[]): string {
  return terms.map(({ tokens, prefix }) => `"${tokens.join(' ')}"${prefix ? '*' : ''}`).join(' AND ');
}
