/** Runs of tokens that are not said twice in a window: faster-whisper's `no_repeat_ngram_size`, on the host. */
import type { Rows, Search, SearchLimits, Sequence } from '../search/search.js';

/** What may not follow `said`: every token that came after its last `size` - 1 ones before. */
export function bannedTokens(text: readonly number[], size: number): Set<number> {
  const found = new Set<number>();
  const last = text.length - (size - 1); // where the run begins that the next token completes
  for (let start = 0; start < last; start++) {
    let same = 0;
    while (same < size - 1 && text[start + same] === text[last + same]) same++;
    if (same === size - 1) found.add(text[start + size - 1] ?? -1);
  }
  return found;
}

interface NoRepeatNgramOptions extends SearchLimits {
  readonly size: number;
  /** Tokens of the window that the search does not know: they count as said. */
  readonly prefix?: readonly number[] | undefined;
}

/**
 * A search to which a token that would complete a run for the second time is never offered. Timestamps and the
 * end-of-text are no part of a run: "Thank you." said in two segments is said twice.
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

/** Takes `tokens` out of a row of log-probabilities; the others share what they had. */
function excludeTokens(row: Float32Array, tokens: ReadonlySet<number>): void {
  let excluded = 0;
  for (const token of tokens) {
    excluded += Math.exp(row[token] ?? -Infinity);
    row[token] = -Infinity;
  }
  if (excluded === 0) return;
  let remaining = 0; // summed anew: 1 - taken would be rounding errors where nearly all was taken
  for (const logprob of row) remaining += Math.exp(logprob);
  if (remaining === 0) return;
  const share = Math.log(remaining);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) - share;
}
