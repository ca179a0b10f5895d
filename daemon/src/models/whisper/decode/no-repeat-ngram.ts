/** No token n-gram twice in a window: faster-whisper's `no_repeat_ngram_size`, on the host. */
import type { Rows, Search, SearchLimits, Sequence } from '../../search/search.js';

/** The tokens that would repeat an n-gram of `text`: those that followed its last `size` - 1 tokens before. */
export function bannedTokens(text: readonly number[], size: number): Set<number> {
  const found = new Set<number>();
  const last = text.length - (size - 1); // start of the n-gram that the next token completes
  for (let start = 0; start < last; start++) {
    let same = 0;
    while (same < size - 1 && text[start + same] === text[last + same]) same++;
    if (same === size - 1) found.add(text[start + size - 1] ?? -1);
  }
  return found;
}

interface NoRepeatNgramOptions extends SearchLimits {
  readonly size: number;
  /** Tokens of the window before those of the search. */
  readonly prefix?: readonly number[] | undefined;
}

/**
 * A search that never sees a token which would repeat an n-gram. Timestamps and the end-of-text do not interrupt one:
 * "Thank you." in two segments is a repetition.
 */
export class NoRepeatNgram implements Search {
  constructor(
    readonly search: Search,
    readonly options: NoRepeatNgramOptions,
  ) {}

  get live(): readonly Sequence[] {
    return this.search.live;
  }

  step(logprobs: Rows): number[] {
    const { vocabulary, endOfText, size, prefix = [] } = this.options;
    for (const [i, { tokens }] of this.live.entries()) {
      const text = [...prefix, ...tokens].filter((token) => token < endOfText);
      excludeTokens(logprobs.subarray(i * vocabulary, (i + 1) * vocabulary), bannedTokens(text, size));
    }
    return this.search.step(logprobs);
  }

  leading(): Sequence | undefined {
    return this.search.leading();
  }

  best(): Sequence {
    return this.search.best();
  }
}

/** Removes `tokens` from a row of log-probabilities and renormalizes the others. */
function excludeTokens(row: Float32Array, tokens: ReadonlySet<number>): void {
  let excluded = 0;
  for (const token of tokens) {
    excluded += Math.exp(row[token] ?? -Infinity);
    row[token] = -Infinity;
  }
  if (excluded === 0) return;
  let remaining = 0; // summed again: 1 - excluded would be rounding error if nearly all is excluded
  for (const logprob of row) remaining += Math.exp(logprob);
  if (remaining === 0) return;
  const share = Math.log(remaining);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) - share;
}
