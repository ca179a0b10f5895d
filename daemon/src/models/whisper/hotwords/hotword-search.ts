/**
 * Beam search that listens for given words. Beside the beam, which is chosen as always, there are guests: sequences that
 * are in the middle of a listed word, however unlikely its first tokens are. A guest that has said its word in full
 * competes with the beam, its score raised by what the word earns; one that leaves the word before its end is gone. So
 * with nothing of the list said, the beam is what it would be without the list (greedy, where it is of width 1).
 */
import { type Hotwords, NOWHERE, type Standing } from './hotwords.js';
import { type Forecast, type CandidateNeeds, type CandidateSource, FullRows } from '../search/candidates.js';
import { type BeamOptions, extend, type Rows, score, type Search, type Sequence } from '../search/search.js';

export interface HotwordOptions extends BeamOptions {
  readonly hotwords: Hotwords;
  /** Tokens that were said right before: a word may have begun in them. */
  readonly behind?: readonly number[];
}

/** Sequences in the middle of a word beside the beam. */
const GUESTS = 4;
/** How many nats a guest may be behind what it would earn if its word ended here. */
const LAG = 3;

interface Contender extends Sequence {
  readonly standing: Standing;
}

interface Candidate extends Contender {
  readonly row: number;
  readonly token: number;
}

const START: Contender = { tokens: [], logprobs: [], sumLogprob: 0, standing: NOWHERE };

/** What counts in the choice; the model's own score is kept beside it. */
function rank({ sumLogprob, standing }: Contender): number {
  return sumLogprob + standing.earned;
}

function byRank(a: Contender, b: Contender): number {
  return rank(b) - rank(a);
}

export class HotwordSearch implements Search {
  /** The beam, then the guests. */
  live: readonly Contender[];
  #beam: readonly Contender[];
  /** The beam when it was last not empty. */
  #last: readonly Contender[];
  readonly #ended: Contender[] = [];
  readonly #wanted: number;

  constructor(readonly options: HotwordOptions) {
    this.#wanted = Math.max(1, Math.round(options.beamSize * (options.patience ?? 1)));
    const start = { ...START, standing: options.hotwords.behind(options.behind ?? []) };
    this.live = this.#beam = this.#last = [start];
  }

  get needs(): CandidateNeeds {
    const { beamSize, hotwords } = this.options;
    return { count: beamSize + 1, listed: hotwords.tokens };
  }

  /** Undefined with guests: it depends on their words which of them stay. */
  get forecast(): Forecast | undefined {
    if (this.live.length > this.#beam.length) return undefined;
    const { beamSize: width, endOfText } = this.options;
    return { width, endOfText, scores: this.live.map(rank) };
  }

  step(logprobs: Rows): number[] {
    return this.stepWith(new FullRows(logprobs, this.options.vocabulary));
  }

  stepWith(source: CandidateSource): number[] {
    const { beamSize, endOfText } = this.options;
    const likely = this.live.flatMap((_, row) => this.#likely(source, row)).sort(byRank);
    const finished = this.#ended.length >= this.#wanted;
    const beam: Candidate[] = [];
    for (const candidate of likely) {
      if (beam.length === beamSize) break;
      if (candidate.token === endOfText) this.#end(candidate);
      else if (!finished || this.#beats(candidate)) beam.push(candidate);
    }
    if (!finished && this.#ended.length >= this.#wanted) beam.length = 0;

    const toBeat = Math.max(...[...beam, ...this.#ended].map(rank));
    const waiting = this.live.flatMap((_, row) => this.#guests(source, row, toBeat, beam));
    const next = [...beam, ...waiting.sort(this.#byPromise).slice(0, GUESTS)];
    this.#beam = beam;
    if (beam.length > 0) this.#last = beam;
    this.live = next;
    return next.map(({ row }) => row);
  }

  leading(): Sequence | undefined {
    return this.#last[0];
  }

  best(): Sequence {
    const missing = Math.max(0, this.options.beamSize - this.#ended.length);
    const all = [...this.#ended, ...this.#last.slice(0, missing)];
    const scored = (one: Contender): number =>
      score({ tokens: one.tokens, sumLogprob: rank(one) }, this.options.lengthPenalty);
    return all.reduce((best, one) => (scored(one) > scored(best) ? one : best), all[0] ?? START);
  }

  /** What may join the beam: the likeliest that follow its sequences, or a guest at the end of its word. */
  #likely(source: CandidateSource, row: number): Candidate[] {
    const from = this.live[row] ?? START;
    const isGuest = row >= this.#beam.length;
    return source
      .topK(row, this.options.beamSize + 1)
      .map(({ token, logprob }) => this.#made(row, token, logprob))
      .filter(({ standing }) => !isGuest || standing.earned > from.standing.earned);
  }

  /** What is in the middle of a word that can earn enough to matter. */
  #guests(source: CandidateSource, row: number, toBeat: number, beam: readonly Candidate[]): Candidate[] {
    const { endOfText, hotwords } = this.options;
    const from = this.live[row] ?? START;
    const isGuest = row >= this.#beam.length;
    const taken = new Set([endOfText, ...beam.flatMap((one) => (one.row === row ? one.token : []))]);
    const made: Candidate[] = [];
    for (const [token, prospect] of hotwords.continuations(from.standing)) {
      const logprob = source.logprob(row, token);
      if (!(rank(from) + logprob + prospect > toBeat) || taken.has(token)) continue;
      taken.add(token);
      const candidate = this.#made(row, token, logprob);
      const { standing } = candidate;
      if (isGuest && !hotwords.isInside(standing) && standing.earned === from.standing.earned) continue;
      if (rank(candidate) + hotwords.promise(standing) + LAG > toBeat) made.push(candidate);
    }
    return made;
  }

  #made(row: number, token: number, logprob: number): Candidate {
    const from = this.live[row] ?? START;
    return {
      ...extend(from, token, logprob),
      standing: this.options.hotwords.after(from.standing, token),
      row,
      token,
    };
  }

  readonly #byPromise = (a: Candidate, b: Candidate): number => {
    const { hotwords } = this.options;
    return rank(b) + hotwords.promise(b.standing) - (rank(a) + hotwords.promise(a.standing));
  };

  #end(candidate: Candidate): void {
    if (this.#ended.length >= this.#wanted && !this.#beats(candidate)) return;
    const { sumLogprob, standing, tokens, logprobs } = candidate;
    this.#ended.push({ sumLogprob, standing, tokens: tokens.slice(0, -1), logprobs: logprobs.slice(0, -1) });
  }

  #beats(candidate: Candidate): boolean {
    return rank(candidate) > Math.max(...this.#ended.map(rank));
  }
}
