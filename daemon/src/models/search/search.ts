/**
 * Searches over several sequences in parallel, on the host. A search receives the log-probabilities of the next token of
 * each sequence and decides which sequences continue with which token.
 */

import { type Forecast, type CandidateNeeds, type CandidateSource, FullRows } from './candidates.js';
import { EndedSequences } from './ended-sequences.js';

export { topK } from './candidates.js';

/** Log-probabilities of all tokens, one row for each sequence: [rows × vocabulary]. */
export type Rows = Float32Array;

export interface Sequence {
  readonly tokens: readonly number[];
  /** Of each of `tokens`. */
  readonly logprobs: readonly number[];
  /** Sum of the log-probabilities of the tokens and of the end-of-text, if it has ended. */
  readonly sumLogprob: number;
}

export interface Search {
  /** The continuing sequences, all of one length. Empty when the search is over. */
  readonly live: readonly Sequence[];
  /** @returns for each sequence in `live` the row that it came from */
  step(logprobs: Rows): number[];
  /** The candidates that a step reads, if fewer than all. */
  readonly needs?: CandidateNeeds | undefined;
  /** The predicted choice of the next step; undefined if it is uncertain. */
  readonly forecast?: Forecast | undefined;
  /** `step` for a source that holds `needs`. */
  stepWith?(source: CandidateSource): number[];
  /** The best sequence so far, for progress. */
  leading(): Sequence | undefined;
  /** The result, without the end-of-text. */
  best(): Sequence;
}

export interface SearchLimits {
  readonly endOfText: number;
  readonly vocabulary: number;
}

const START: Sequence = { tokens: [], logprobs: [], sumLogprob: 0 };

export function extend({ tokens, logprobs, sumLogprob }: Sequence, token: number, logprob: number): Sequence {
  return {
    tokens: [...tokens, token],
    logprobs: [...logprobs, logprob],
    sumLogprob: sumLogprob + logprob,
  };
}

/** Compares sequences of different lengths: Google's length penalty (arXiv 1609.08144), or the mean without one. */
export function score(
  { tokens, sumLogprob }: Pick<Sequence, 'tokens' | 'sumLogprob'>,
  lengthPenalty?: number,
): number {
  const length = Math.max(1, tokens.length);
  return sumLogprob / (lengthPenalty === undefined ? length : ((5 + length) / 6) ** lengthPenalty);
}

function bestOf(sequences: readonly Sequence[], lengthPenalty?: number): Sequence | undefined {
  let best: Sequence | undefined;
  for (const one of sequences) {
    if (best === undefined || score(one, lengthPenalty) > score(best, lengthPenalty)) best = one;
  }
  return best;
}

export interface BeamOptions extends SearchLimits {
  readonly beamSize: number;
  /** The search continues until beamSize × patience sequences have ended (arXiv 2204.05424). */
  readonly patience?: number | undefined;
  readonly lengthPenalty?: number | undefined;
  /**
   * Whether the search ends with the last of these, as in openai/whisper. Improbable early ends can be so many that the best
   * sequence does not reach its own. If false, it also continues while a sequence scores better than all that have ended.
   */
  readonly earlyStopping?: boolean | undefined;
}

/** How many sequences end before a search is over. */
export function maxEnded({ beamSize, patience = 1 }: BeamOptions): number {
  return Math.max(1, Math.round(beamSize * patience));
}

/** Beam search of openai/whisper: a sequence that ends leaves the beam, and the next best one replaces it. */
export class BeamSearch implements Search {
  live: readonly Sequence[] = [START];
  readonly #ended: EndedSequences<Sequence>;

  constructor(readonly options: BeamOptions) {
    const { earlyStopping = true, lengthPenalty } = options;
    const max = maxEnded(options);
    this.#ended = new EndedSequences({ max, earlyStopping, score: (one) => score(one, lengthPenalty) });
  }

  get needs(): CandidateNeeds {
    return { count: this.options.beamSize + 1, listed: [] };
  }

  get forecast(): Forecast {
    const { beamSize: width, endOfText } = this.options;
    return { width, endOfText, scores: this.live.map(({ sumLogprob }) => sumLogprob) };
  }

  step(logprobs: Rows): number[] {
    return this.stepWith(new FullRows(logprobs, this.options.vocabulary));
  }

  stepWith(source: CandidateSource): number[] {
    const { beamSize, endOfText } = this.options;
    const candidates = this.live.flatMap((sequence, row) =>
      source.topK(row, beamSize + 1).map(({ token, logprob }) => ({
        row,
        token,
        logprob,
        sequence,
        sumLogprob: sequence.sumLogprob + logprob,
      })),
    );
    candidates.sort((a, b) => b.sumLogprob - a.sumLogprob);
    const next: Sequence[] = [];
    const rows: number[] = [];
    for (const { row, token, logprob, sequence, sumLogprob } of candidates) {
      if (token === endOfText) {
        this.#ended.add({ ...sequence, sumLogprob });
      } else {
        next.push(extend(sequence, token, logprob));
        rows.push(row);
        if (next.length === beamSize) break;
      }
    }
    const isOver = this.#ended.isOver(next);
    this.#active = next;
    this.live = isOver ? [] : next;
    return isOver ? [] : rows;
  }

  #active: readonly Sequence[] = [START];

  leading(): Sequence | undefined {
    return this.#active[0];
  }

  best(): Sequence {
    // If too few have ended, the best of the others count as ended.
    const { all: ended } = this.#ended;
    const missing = Math.max(0, this.options.beamSize - ended.length);
    const all = [...ended, ...this.#active.slice(0, missing)];
    return bestOf(all, this.options.lengthPenalty) ?? START;
  }
}

interface SampleOptions extends SearchLimits {
  readonly count: number;
  readonly temperature: number;
  readonly seed: number;
  readonly lengthPenalty?: number | undefined;
  /** Boosts for sampling after these tokens: token → nats. Scores stay the model's own. */
  readonly boost?: ((tokens: readonly number[]) => ReadonlyMap<number, number>) | undefined;
}

/** Samples several independent sequences and keeps the most probable one. */
export class BestOfSamples implements Search {
  live: readonly Sequence[] = [START];
  readonly #ended: Sequence[] = [];
  readonly #random: () => number;

  constructor(readonly options: SampleOptions) {
    this.#random = mulberry32(options.seed);
  }

  step(logprobs: Rows): number[] {
    const { count, endOfText, vocabulary, temperature, boost } = this.options;
    const first = this.live[0] === START;
    const from = first ? Array.from({ length: count }, () => 0) : this.live.map((_, row) => row);
    const next: Sequence[] = [];
    const rows: number[] = [];
    for (const row of from) {
      const sequence = this.live[row] ?? START;
      const rowLogprobs = logprobs.subarray(row * vocabulary, (row + 1) * vocabulary);
      const token = sampleToken(boosted(rowLogprobs, boost?.(sequence.tokens)), temperature, this.#random());
      const logprob = rowLogprobs[token] ?? 0;
      if (token === endOfText) this.#ended.push({ ...sequence, sumLogprob: sequence.sumLogprob + logprob });
      else {
        next.push(extend(sequence, token, logprob));
        rows.push(row);
      }
    }
    this.live = next;
    return rows;
  }

  leading(): Sequence | undefined {
    return this.live[0] ?? bestOf(this.#ended, this.options.lengthPenalty);
  }

  best(): Sequence {
    return bestOf([...this.#ended, ...this.live], this.options.lengthPenalty) ?? START;
  }
}

function boosted(logprobs: Float32Array, nats: ReadonlyMap<number, number> | undefined): Float32Array {
  if (nats === undefined || nats.size === 0) return logprobs;
  const raised = logprobs.slice();
  for (const [token, more] of nats) raised[token] = (raised[token] ?? -Infinity) + more;
  return raised;
}

/** The token at quantile `place` (0 … 1) of the distribution at a temperature. */
function sampleToken(logprobs: Float32Array, temperature: number, place: number): number {
  let top = -Infinity;
  for (const logprob of logprobs) top = Math.max(top, logprob);
  let total = 0;
  for (const logprob of logprobs) total += Math.exp((logprob - top) / temperature);
  let active = place * total;
  let last = 0;
  for (let token = 0; token < logprobs.length; token++) {
    const weight = Math.exp(((logprobs[token] ?? -Infinity) - top) / temperature);
    if (weight === 0) continue;
    last = token;
    active -= weight;
    if (active <= 0) break;
  }
  return last;
}

/** A small seeded generator of numbers in 0 … 1: the same seed gives the same text. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
