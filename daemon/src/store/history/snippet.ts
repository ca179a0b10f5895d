/** Extracts the part of a text that matches a query. */
import { tokenize, type Token } from './tokenize.js';
import type { Term } from './query.js';

export interface Snippet {
  /** One line, with an ellipsis at a cut. */
  readonly snippet: string;
  /** Ranges of the matched words in `snippet`, in UTF-16 units. */
  readonly marks: readonly Range[];
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Share of the snippet before the first match. */
const LEAD = 0.25;

/** @param length approximate maximum, in UTF-16 units */
export function snippetOf(text: string, terms: readonly Term[], length: number): Snippet {
  const tokens = tokenize(text);
  const found = hits(tokens, terms);
  const first = found[0]?.start ?? 0;
  const wanted = text.length <= length ? 0 : Math.max(0, first - Math.floor(length * LEAD));
  // Cut at word boundaries.
  const start = wanted === 0 ? 0 : (tokens.find((token) => token.start >= wanted)?.start ?? wanted);
  const last = tokens.findLast((token) => token.end <= start + length && token.end > start);
  const end = start + length >= text.length ? text.length : (last?.end ?? safeCut(text, start + length));
  return oneLine(text, start, end, found);
}

/** Matches of the terms, in order and without overlaps. */
function hits(tokens: readonly Token[], terms: readonly Term[]): Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const length = Math.max(
      0,
      ...terms.map((term) => (matchesAt(tokens, at, term) ? term.tokens.length : 0)),
    );
    const from = tokens[at];
    const to = tokens[at + length - 1];
    if (length === 0 || from === undefined || to === undefined) continue;
    ranges.push({ start: from.start, end: to.end });
    at += length - 1;
  }
  return ranges;
}

function matchesAt(tokens: readonly Token[], at: number, { tokens: wanted, prefix }: Term): boolean {
  return wanted.every((token, i) => {
    const there = tokens[at + i]?.token;
    return prefix && i === wanted.length - 1 ? there?.startsWith(token) : there === token;
  });
}

/** Collapses white space and moves the marks accordingly. */
function oneLine(text: string, start: number, end: number, found: readonly Range[]): Snippet {
  let snippet = start > 0 ? '…' : '';
  /** The new position of each unit. */
  const moved: number[] = [];
  for (let i = start; i < end; i++) {
    const space = /\s/u.test(text[i] ?? '');
    if (space && (snippet === '' || snippet.endsWith(' '))) {
      moved.push(snippet.length);
      continue;
    }
    moved.push(snippet.length);
    snippet += space ? ' ' : text[i];
  }
  moved.push(snippet.length);
  snippet = snippet.trimEnd();
  const marks = found
    .filter((range) => range.start >= start && range.end <= end)
    .map((range) => ({ start: moved[range.start - start] ?? 0, end: moved[range.end - start] ?? 0 }));
  return { snippet: end < text.length ? `${snippet}…` : snippet, marks };
}

/** Doesn't cut between surrogates. */
function safeCut(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
