/** What somebody types into a search box: words, all of which have to be there. Nothing in it is an operator. */
import { tokenize } from './tokenize.js';

/** Tokens that stand one after another: `don't` is two of them, a Chinese word one a character. */
export interface Term {
  readonly tokens: readonly string[];
  /** Whether the last token may go on: the word that is still being typed. */
  readonly prefix: boolean;
}

/** More words than anybody types; FTS5 refuses expressions that are too deep. */
const MAX_TERMS = 32;
const MAX_TOKENS_PER_TERM = 64;

export function parseQuery(query: string): Term[] {
  const terms = query
    .split(/\s+/u)
    .map((word) => tokenize(word).map(({ token }) => token))
    .filter((tokens) => tokens.length > 0);
  return terms
    .slice(0, MAX_TERMS)
    .map((tokens, index) => ({
      tokens: tokens.slice(0, MAX_TOKENS_PER_TERM),
      prefix: index === terms.length - 1,
    }));
}

/** In the query language of FTS5. Tokens hold letters, marks and digits alone, so that quotes are all it takes. */
export function toFts(terms: readonly Term[]): string {
  return terms.map(({ tokens, prefix }) => `"${tokens.join(' ')}"${prefix ? '*' : ''}`).join(' AND ');
}
