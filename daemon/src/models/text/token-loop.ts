/** Finds repetition at the end of a text: a decoder that has lost the audio repeats itself. */

export interface TokenLoop {
  /** Tokens of one occurrence. */
  readonly period: number;
  /** Tokens of all of them, up to the end; the last one may be incomplete. */
  readonly length: number;
}

export interface TokenLoopLimits {
  /** The longest run to search for. */
  readonly maxPeriod: number;
  /** A loop has at least this many repeats and tokens. */
  readonly minRepeats: number;
  readonly minTokens: number;
}

/** The loop of the shortest period at the end of `tokens`, if any. */
export function tokenLoopAtEnd(
  tokens: readonly number[],
  { maxPeriod, minRepeats, minTokens }: TokenLoopLimits,
): TokenLoop | undefined {
  for (let period = 1; period <= Math.min(maxPeriod, tokens.length / minRepeats); period++) {
    let same = 0; // tokens at the end that are those one period before
    while (same < tokens.length - period) {
      const last = tokens.length - 1 - same;
      if (tokens[last] !== tokens[last - period]) break;
      same++;
    }
    const length = same + period;
    if (length >= Math.max(minTokens, minRepeats * period)) return { period, length };
  }
  return undefined;
}
