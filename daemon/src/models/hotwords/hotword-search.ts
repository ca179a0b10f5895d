/**
 * Beam search with hotwords. In addition to the usual beam it keeps biased sequences, which are in the middle of a listed
 * word, however improbable its first tokens are. A biased sequence that completes its word competes with the beam, with the
 * word's bonus added to its score; one that leaves the word early is dropped. Without listed words in the speech the result
 * equals that of plain beam search (greedy at width 1).
 */
import { type Hotwords, INITIAL_STATE, type HotwordState } from './hotword-trie.js';
import { type Forecast, type CandidateNeeds, type CandidateSource, FullRows } from '../search/candidates.js';
import { EndedSequences } from '../search/ended-sequences.js';
import {
  type BeamOptions,
  extend,
  maxEnded,
  type Rows,
  score,
  type Search,
  type Sequence,
} from '../search/search.js';

interface HotwordOptions extends BeamOptions {
  readonly hotwords: Hotwords;
  /** Tokens directly before: a word may have started in them. */
  readonly precedingTokens?: readonly number[];
}

/** Sequences in the middle of a word, in addition to the beam. */
const MAX_BIASED_CANDIDATES = 4;
/** How far the score of a biased sequence, with the bonus if its word ended here, may trail the beam. */
const MAX_LAG_NATS = 3;

interface HotwordSequence extends Sequence {
  readonly state: HotwordState;
}

interface Candidate extends HotwordSequence {
  readonly row: number;
  readonly token: number;
}

const START: HotwordSequence = { tokens: [], logprobs: [], sumLogprob: 0, state: INITIAL_STATE };

/** The score used for selection; the model's own score is kept separately. */
function biasedScore({ sumLogprob, state }: HotwordSequence): number {
  return sumLogprob + state.earnedBonus;
}

function byBiasedScore(a: HotwordSequence, b: HotwordSequence): number {
  return biasedScore(b) - biasedScore(a);
}

export class HotwordSearch implements Search {
  /** The beam, then the biased sequences. */
  live: readonly HotwordSequence[];
  #beam: readonly HotwordSequence[];
  /** The last beam that was not empty. */
  #last: readonly HotwordSequence[];
  readonly #ended: EndedSequences<HotwordSequence>;

  constructor(readonly options: HotwordOptions) {
    this.#ended = new EndedSequences({
      max: maxEnded(options),
      earlyStopping: this.#stopsEarly,
      score: (one) => this.#score(one),
    });
    const start = { ...START, state: options.hotwords.behind(options.precedingTokens ?? []) };
    this.live = this.#beam = this.#last = [start];
  }

  get #stopsEarly(): boolean {
    return this.options.earlyStopping ?? true;
  }

  get needs(): CandidateNeeds {
    const { beamSize, hotwords } = this.options;
    return { count: beamSize + 1, listed: hotwords.tokens };
  }

  /** Undefined with biased sequences: which of them stay depends on their words. */
  get forecast(): Forecast | undefined {
    if (this.live.length > this.#beam.length) return undefined;
    const { beamSize: width, endOfText } = this.options;
    return { width, endOfText, scores: this.live.map(biasedScore) };
  }

  step(logprobs: Rows): number[] {
    return this.stepWith(new FullRows(logprobs, this.options.vocabulary));
  }

  stepWith(source: CandidateSource): number[] {
    const { beamSize, endOfText } = this.options;
    const beamCandidates = this.live
      .flatMap((_, row) => this.#beamCandidates(source, row))
      .sort(byBiasedScore);
    const wasFull = this.#ended.isFull;
    const beam: Candidate[] = [];
    for (const candidate of beamCandidates) {
      if (beam.length === beamSize) break;
      if (candidate.token === endOfText) this.#end(candidate);
      else if (!wasFull || !this.#stopsEarly || this.#beats(candidate)) beam.push(candidate);
    }
    // With early stopping, a biased sequence may still complete a word that beats what has ended.
    if (this.#ended.isOver(beam) && !(this.#stopsEarly && wasFull)) beam.length = 0;

    const scoreToBeat = Math.max(...[...beam, ...this.#ended.all].map(biasedScore));
    const biased = this.live.flatMap((_, row) => this.#biasedCandidates(source, row, scoreToBeat, beam));
    const next = [...beam, ...biased.sort(this.#byPartialBonus).slice(0, MAX_BIASED_CANDIDATES)];
    this.#beam = beam;
    if (beam.length > 0) this.#last = beam;
    this.live = next;
    return next.map(({ row }) => row);
  }

  leading(): Sequence | undefined {
    return this.#last[0];
  }

  best(): Sequence {
    const { all: ended } = this.#ended;
    const missing = Math.max(0, this.options.beamSize - ended.length);
    const all = [...ended, ...this.#last.slice(0, missing)];
    return all.reduce((best, one) => (this.#score(one) > this.#score(best) ? one : best), all[0] ?? START);
  }

  /** Compares sequences of different lengths, bonuses included. */
  #score(sequence: HotwordSequence): number {
    const { tokens } = sequence;
    return score({ tokens, sumLogprob: biasedScore(sequence) }, this.options.lengthPenalty);
  }

  /** Candidates for the beam: the most probable continuations, and biased sequences that complete their word. */
  #beamCandidates(source: CandidateSource, row: number): Candidate[] {
    const from = this.live[row] ?? START;
    const isBiased = row >= this.#beam.length;
    return source
      .topK(row, this.options.beamSize + 1)
      .map(({ token, logprob }) => this.#extended(row, token, logprob))
      .filter(({ state }) => !isBiased || state.earnedBonus > from.state.earnedBonus);
  }

  /** Sequences in the middle of a word whose bonus can still beat the beam. */
  #biasedCandidates(
    source: CandidateSource,
    row: number,
    scoreToBeat: number,
    beam: readonly Candidate[],
  ): Candidate[] {
    const { endOfText, hotwords } = this.options;
    const from = this.live[row] ?? START;
    const isBiased = row >= this.#beam.length;
    const usedTokens = new Set([endOfText, ...beam.flatMap((one) => (one.row === row ? one.token : []))]);
    const extended: Candidate[] = [];
    for (const [token, maxBonus] of hotwords.continuations(from.state)) {
      const logprob = source.logprob(row, token);
      if (!(biasedScore(from) + logprob + maxBonus > scoreToBeat) || usedTokens.has(token)) continue;
      usedTokens.add(token);
      const candidate = this.#extended(row, token, logprob);
      const { state } = candidate;
      if (isBiased && !hotwords.isInsideWord(state) && state.earnedBonus === from.state.earnedBonus) continue;
      if (biasedScore(candidate) + hotwords.partialBonus(state) + MAX_LAG_NATS > scoreToBeat)
        extended.push(candidate);
    }
    return extended;
  }

  #extended(row: number, token: number, logprob: number): Candidate {
    const from = this.live[row] ?? START;
    return {
      ...extend(from, token, logprob),
      state: this.options.hotwords.advance(from.state, token),
      row,
      token,
    };
  }

  readonly #byPartialBonus = (a: Candidate, b: Candidate): number => {
    const { hotwords } = this.options;
    return (
      biasedScore(b) + hotwords.partialBonus(b.state) - (biasedScore(a) + hotwords.partialBonus(a.state))
    );
  };

  #end(candidate: Candidate): void {
    const { sumLogprob, state, tokens, logprobs } = candidate;
    const ended = { sumLogprob, state, tokens: tokens.slice(0, -1), logprobs: logprobs.slice(0, -1) };
    const isLate = this.#ended.isFull && this.#stopsEarly;
    if (!isLate) this.#ended.add(ended);
    else if (this.#beats(candidate)) this.#ended.addBeyond(ended);
  }

  #beats(candidate: Candidate): boolean {
    return biasedScore(candidate) > Math.max(...this.#ended.all.map(biasedScore));
  }
}
