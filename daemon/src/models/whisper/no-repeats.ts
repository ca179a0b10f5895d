/** Runs of tokens that are not said twice in a window: faster-whisper's `no_repeat_ngram_size`, on the host. */
import type { Rows, Search, SearchLimits, Sequence } from './search.js';

/** What may not follow `said`: every token that came after its last `size` - 1 ones before. */
export function repeating(said: readonly number[], size: number): Set<number> {
  const found = new Set<number>();
  const last = said.length - (size - 1); // where the run begins that the next token completes
  for (let start = 0; start < last; start++) {
    let same = 0;
    while (same < size - 1 && said[start + same] === said[last + same]) same++;
    if (same === size - 1) found.add(said[start + size - 1] ?? -1);
  }
  return found;
}

export interface NoRepeatsOptions extends SearchLimits {
  readonly size: number;
  /** Tokens of the window that the search does not know: they count as said. */
  readonly prefix?: readonly number[] | undefined;
}

/**
 * A search to which a token that would complete a run for the second time is never offered. Timestamps and the
 * end-of-text are no part of a run: "Thank you." said in two segments is said twice.
 */
export class WithoutRepeats implements Search {
  constructor(
    readonly search: Search,
    readonly options: NoRepeatsOptions,
  ) {}

  get live(): readonly Sequence[] {
    return this.search.live;
  }

  step(logprobs: Rows): number[] {
    const { vocabulary, endOfText, size, prefix = [] } = this.options;
    for (const [i, { tokens }] of this.live.entries()) {
      const said = [...prefix, ...tokens].filter((token) => token < endOfText);
      withhold(logprobs.subarray(i * vocabulary, (i + 1) * vocabulary), repeating(said, size));
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
function withhold(row: Float32Array, tokens: ReadonlySet<number>): void {
  let taken = 0;
  for (const token of tokens) {
    taken += Math.exp(row[token] ?? -Infinity);
    row[token] = -Infinity;
  }
  if (taken === 0) return;
  let left = 0; // summed anew: 1 - taken would be rounding errors where nearly all was taken
  for (const logprob of row) left += Math.exp(logprob);
  if (left === 0) return;
  const share = Math.log(left);
  for (let i = 0; i < row.length; i++) row[i] = (row[i] ?? 0) - share;
}
