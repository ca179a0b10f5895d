/**
 * The states of a CTC alignment (Graves et al. 2006) and their best scores: a blank before, between and after all tokens.
 * State 2 i + 1 is token i, state 2 i the blank in front of it.
 */
import { WILDCARD } from './wildcard.js';
import type { CtcToken, Emissions } from './emissions.js';

/** In nats for each frame: a wildcard loses frames that a neighbor or a blank explains as well. */
const WILDCARD_PENALTY = 0.1;
/** Globals are slow in the loops below when a test runs them. */
const NEVER = -Infinity;

/** Best scores of the paths that end in each blank, and in each token. */
export interface Scores {
  readonly blanks: Float64Array;
  readonly tokens: Float64Array;
}

export class Trellis {
  readonly #emissions: Emissions;
  readonly #tokens: readonly number[];
  readonly #blank: number;
  /** Column of each token in `#row`. */
  readonly #columns: Int32Array;
  /** What it costs to reach a token from the one before without a blank: nothing, or -Infinity for equal ones. */
  readonly #skips: Float64Array;
  /** The current frame, then its wildcard. */
  readonly #row: Float32Array;

  constructor(emissions: Emissions, tokens: readonly number[], blank: number) {
    this.#emissions = emissions;
    this.#tokens = tokens;
    this.#blank = blank;
    this.#columns = Int32Array.from(tokens, (id) => (id === WILDCARD ? emissions.classes : id));
    this.#skips = Float64Array.from(tokens, (id, i) => (i > 0 && id !== tokens[i - 1] ? 0 : NEVER));
    this.#row = new Float32Array(emissions.classes + 1);
  }

  get states(): number {
    return 2 * this.#tokens.length + 1;
  }

  /** After the first frame, which is a blank or the first token. */
  start(): Scores {
    const count = this.#tokens.length;
    const scores = {
      blanks: new Float64Array(count + 1).fill(NEVER),
      tokens: new Float64Array(count).fill(NEVER),
    };
    this.#load(0);
    scores.blanks[0] = this.#row[this.#blank] ?? 0;
    scores.tokens[0] = this.#row[this.#columns[0] ?? 0] ?? 0;
    return scores;
  }

  /** Scores of all states after frame `t`, from those of the frame before. */
  advance({ blanks, tokens }: Scores, t: number): void {
    this.#load(t);
    const row = this.#row;
    const columns = this.#columns;
    const skips = this.#skips;
    const blankLogprob = row[this.#blank] ?? 0;
    // From the last state to the first, so that each still finds the scores of the frame before.
    for (let i = tokens.length - 1; i >= 0; i--) {
      const token = tokens[i] ?? 0;
      const after = blanks[i + 1] ?? 0;
      const before = blanks[i] ?? 0;
      const skip = (i > 0 ? (tokens[i - 1] ?? 0) : NEVER) + (skips[i] ?? 0);
      blanks[i + 1] = (after > token ? after : token) + blankLogprob;
      const near = token > before ? token : before;
      tokens[i] = (near > skip ? near : skip) + (row[columns[i] ?? 0] ?? 0);
    }
    blanks[0] = (blanks[0] ?? 0) + blankLogprob;
  }

  /**
   * `advance` for the states `from` … `to` (exclusive); those before `from` are unreachable.
   *
   * @param choices how many states back the best path came, one for each state from `from` on
   */
  advanceWithChoices(scores: Float64Array, t: number, from: number, choices: Uint8Array): void {
    this.#load(t);
    const blankLogprob = this.#row[this.#blank] ?? 0;
    for (let k = scores.length - 1; k >= 0; k--) {
      const state = from + k;
      const isToken = state % 2 === 1;
      const i = (state - 1) / 2;
      const stay = scores[k] ?? 0;
      const next = k > 0 ? (scores[k - 1] ?? 0) : NEVER;
      const skip = isToken && k > 1 ? (scores[k - 2] ?? 0) + (this.#skips[i] ?? 0) : NEVER;
      // Of equal paths the one that stays wins, as in torchaudio.
      const choice = skip > next && skip > stay ? 2 : next > stay ? 1 : 0;
      choices[k] = choice;
      scores[k] =
        (choice === 2 ? skip : choice === 1 ? next : stay) +
        (isToken ? (this.#row[this.#columns[i] ?? 0] ?? 0) : blankLogprob);
    }
  }

  /** The better of the two states in which a path may end. */
  last({ blanks, tokens }: Scores): number {
    const count = tokens.length;
    return (blanks[count] ?? 0) > (tokens[count - 1] ?? 0) ? 2 * count : 2 * count - 1;
  }

  /** @param path the state of each frame */
  spans(path: Int32Array): CtcToken[] {
    const spans: CtcToken[] = [];
    for (let t = 0; t < path.length;) {
      const state = path[t] ?? 0;
      const start = t;
      let sum = 0;
      for (; t < path.length && path[t] === state; t++) sum += this.#logprob(t, state);
      const id = this.#tokens[(state - 1) / 2];
      if (id !== undefined) spans.push({ id, start, end: t, logprob: sum / (t - start) });
    }
    return spans;
  }

  #logprob(t: number, state: number): number {
    if (state % 2 === 0) return 0;
    this.#load(t);
    return this.#row[this.#columns[(state - 1) / 2] ?? 0] ?? 0;
  }

  #load(t: number): void {
    const { classes, logprobs } = this.#emissions;
    const frame = logprobs.subarray(t * classes, (t + 1) * classes);
    this.#row.set(frame);
    let best = NEVER;
    for (const logprob of frame) if (logprob > best) best = logprob;
    this.#row[classes] = best - WILDCARD_PENALTY;
  }
}

/** The states `from` … `to` (exclusive) in order. */
export function stateScores({ blanks, tokens }: Scores, from: number, to: number): Float64Array {
  return Float64Array.from(
    { length: to - from },
    (_, k) => ((from + k) % 2 === 1 ? tokens[(from + k - 1) / 2] : blanks[(from + k) / 2]) ?? NEVER,
  );
}
