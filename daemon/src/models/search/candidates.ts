/** Candidates for the next token of a search: the most probable ones, and listed ones by id. */
export interface TokenCandidate {
  readonly token: number;
  readonly logprob: number;
}

/** Log-probabilities with a row per sequence of the search. */
export interface CandidateSource {
  /** The `count` most probable tokens in descending order, the lower id first on ties; no disallowed tokens. */
  topK(row: number, count: number): readonly TokenCandidate[];
  /** -∞ for disallowed tokens. */
  logprob(row: number, token: number): number;
}

/** Everything a search reads, so that a device need not transfer the whole vocabulary. */
export interface CandidateNeeds {
  /** Most probable tokens of each sequence. */
  readonly count: number;
  /** Tokens whose log-probability the search may read. */
  readonly listed: readonly number[];
}

/**
 * Predicts the choice of a search: the `width` candidates with the highest sum of log-probability and sequence score, the
 * first on ties. A device can queue the next step for them before the search decides.
 */
export interface Forecast {
  readonly width: number;
  /** Never continued. */
  readonly endOfText: number;
  /** Score of each sequence. */
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

/** The `count` most probable tokens in descending order, the lower id first on ties; no disallowed tokens. */
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
