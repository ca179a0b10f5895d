/** What a model offers a search: of all tokens the likeliest, and those that the search asks for by number. */
export interface TokenCandidate {
  readonly token: number;
  readonly logprob: number;
}

/** For each of a search's sequences, in a row of its own. */
export interface CandidateSource {
  /** The `count` likeliest, the likeliest first; of equals the first. Nothing that may not follow. */
  topK(row: number, count: number): readonly TokenCandidate[];
  /** -∞ for what may not follow. */
  logprob(row: number, token: number): number;
}

/** All that a search looks at, so that a device need not hand over the whole vocabulary. */
export interface CandidateNeeds {
  /** Likeliest tokens of each sequence. */
  readonly count: number;
  /** Tokens whose log-probability it may ask for. */
  readonly listed: readonly number[];
}

/**
 * How a search is likely to choose: the `width` candidates whose log-probability and its sequence's score add up to most, of
 * equals the first. A device can act on that before the search is asked.
 */
export interface Forecast {
  readonly width: number;
  /** A candidate that never continues. */
  readonly endOfText: number;
  /** Of each sequence. */
  readonly scores: readonly number[];
}

/** Log-probabilities of all tokens [rows × vocabulary]. */
export class FullRows implements CandidateSource {
  constructor(
    readonly logprobs: Float32Array,
    readonly vocabulary: number,
  ) {}

  topK(row: number, count: number): TokenCandidate[] {
    return topK(this.logprobs.subarray(row * this.vocabulary, (row + 1) * this.vocabulary), count);
  }

  logprob(row: number, token: number): number {
    return this.logprobs[row * this.vocabulary + token] ?? -Infinity;
  }
}

/** The `count` likeliest, the likeliest first; of equals the first. Nothing that may not follow. */
export function topK(logprobs: Float32Array, count: number): TokenCandidate[] {
  const best: TokenCandidate[] = [];
  let worst = -Infinity;
  for (let token = 0; token < logprobs.length; token++) {
    const logprob = logprobs[token] ?? -Infinity;
    if (!(logprob > worst) || logprob === -Infinity) continue;
    let at = best.length;
    while (at > 0 && logprob > (best[at - 1]?.logprob ?? Infinity)) at--;
    best.splice(at, 0, { token, logprob });
    if (best.length > count) best.pop();
    if (best.length === count) worst = best[count - 1]?.logprob ?? -Infinity;
  }
  return best;
}
