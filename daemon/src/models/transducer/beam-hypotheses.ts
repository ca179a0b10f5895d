/**
 * The hypotheses of a beam search over a transducer, without a network. Two that have the same tokens at the same frame are
 * one: their probabilities add up, and the more probable one keeps its times. As in parakeet-mlx 0.7.0.
 */
import { type Hotwords, type HotwordState, INITIAL_STATE } from '../hotwords/hotword-trie.js';
import { topK } from '../search/candidates.js';
import type { Emission } from './greedy-walk.js';
import type { TransducerConfig } from './transducer-network.js';

export interface TransducerBeamOptions {
  /** Hypotheses that are kept after each step, and tokens that each of them tries. */
  readonly beamSize: number;
  /** The search ends once beam size × patience hypotheses have reached the end. */
  readonly patience?: number;
  /** The score of a text is divided by its tokens to this power. */
  readonly lengthPenalty?: number;
  /** Share of the durations in a score, for a token-and-duration transducer. */
  readonly durationReward?: number;
  readonly hotwords?: Hotwords | undefined;
}

/** Those that parakeet-mlx advises. */
export const BEAM_DEFAULTS = { patience: 3.5, lengthPenalty: 0.013, durationReward: 0.67 };

/** A text, as the last node of a path through the tree of all texts. */
export class TokenPath {
  readonly #children = new Map<number, TokenPath>();
  /** Of the hotwords; a text has the same one whatever its times are. */
  readonly state: HotwordState;
  /** What its hotwords earn, started ones included. */
  readonly bonus: number;

  constructor(
    readonly parent: TokenPath | undefined,
    readonly token: number,
    readonly length: number,
    hotwords: Hotwords | undefined,
  ) {
    this.state = (parent && hotwords?.advance(parent.state, token)) ?? INITIAL_STATE;
    this.bonus = hotwords?.score(this.state) ?? 0;
  }

  child(token: number, hotwords: Hotwords | undefined): TokenPath {
    let child = this.#children.get(token);
    if (child === undefined)
      this.#children.set(token, (child = new TokenPath(this, token, this.length + 1, hotwords)));
    return child;
  }
}

interface EmissionList {
  readonly emission: Emission;
  readonly before: EmissionList | undefined;
}

export interface TransducerHypothesis {
  readonly path: TokenPath;
  /** The next frame. */
  readonly frame: number;
  /** Steps that did not move on. */
  readonly stuck: number;
  readonly emissions: EmissionList | undefined;
  /** Natural-log probability, that of durations by their share; without bonuses. */
  score: number;
}

/** Natural-log probabilities at a frame after a text. */
export interface JointScores {
  /** Of the tokens and the blank. */
  readonly tokens: Float32Array;
  /** Empty for a transducer without durations. */
  readonly durations: Float32Array;
}

export class BeamHypotheses {
  readonly #config: TransducerConfig;
  readonly #frames: number;
  readonly #options: Required<Omit<TransducerBeamOptions, 'hotwords'>> &
    Pick<TransducerBeamOptions, 'hotwords'>;
  readonly #ended: TransducerHypothesis[] = [];
  /** Those that go on, the best first. Empty when the search is over. */
  live: readonly TransducerHypothesis[];

  constructor(config: TransducerConfig, frames: number, options: TransducerBeamOptions) {
    this.#config = config;
    this.#frames = frames;
    this.#options = { ...BEAM_DEFAULTS, ...options };
    const path = new TokenPath(undefined, config.tokens, 0, options.hotwords);
    this.live = frames > 0 ? [{ path, frame: 0, stuck: 0, emissions: undefined, score: 0 }] : [];
  }

  /** @param scores for each of `live` */
  step(scores: readonly JointScores[]): void {
    const { beamSize, patience } = this.#options;
    const merged = new Map<TokenPath, Map<number, TransducerHypothesis>>();
    const next: TransducerHypothesis[] = [];
    const add = (hypothesis: TransducerHypothesis): void => {
      const byFrame = merged.get(hypothesis.path) ?? new Map<number, TransducerHypothesis>();
      merged.set(hypothesis.path, byFrame);
      const other = byFrame.get(hypothesis.frame);
      if (other === undefined) byFrame.set(hypothesis.frame, hypothesis);
      else {
        const better = hypothesis.score > other.score ? hypothesis : other;
        const worse = better === hypothesis ? other : hypothesis;
        const score = better.score + Math.log1p(Math.exp(worse.score - better.score));
        byFrame.set(hypothesis.frame, { ...better, score });
      }
    };
    for (const [i, from] of this.live.entries()) {
      const found = scores[i];
      if (found !== undefined) for (const one of this.#extended(from, found)) add(one);
    }
    for (const byFrame of merged.values()) {
      for (const one of byFrame.values()) (one.frame < this.#frames ? next : this.#ended).push(one);
    }
    next.sort((a, b) => b.score + b.path.bonus - (a.score + a.path.bonus));
    this.live = next.slice(0, beamSize);
    if (this.#ended.length < Math.round(beamSize * patience)) return;
    this.#ended.push(...this.live);
    this.live = [];
  }

  /** The tokens of the best text, once the search is over. */
  best(): Emission[] {
    const { lengthPenalty, hotwords } = this.#options;
    const lengthOf = ({ path }: TransducerHypothesis): number => Math.max(1, path.length) ** lengthPenalty;
    const bonusOf = ({ path }: TransducerHypothesis): number => hotwords?.finalScore(path.state) ?? 0;
    // With durations the bonus is divided by the same number for all texts.
    const longest = Math.max(...this.#ended.map(lengthOf));
    const rank = (one: TransducerHypothesis): number =>
      one.score / lengthOf(one) +
      bonusOf(one) / (this.#config.durations.length > 0 ? longest : lengthOf(one));
    let best: TransducerHypothesis | undefined;
    for (const one of this.#ended) if (best === undefined || rank(one) > rank(best)) best = one;
    const emissions: Emission[] = [];
    for (let at = best?.emissions; at !== undefined; at = at.before) emissions.push(at.emission);
    return emissions.reverse();
  }

  /** All continuations of a hypothesis that are worth a try. */
  *#extended(
    from: TransducerHypothesis,
    { tokens, durations }: JointScores,
  ): Generator<TransducerHypothesis> {
    const { beamSize, durationReward, hotwords } = this.#options;
    const share = durations.length > 0 ? 1 - durationReward : 1;
    const ranks = tokens.map((logprob) => share * logprob);
    hotwords?.reward(ranks.subarray(0, this.#config.tokens), from.path.state);
    const tried = durations.length > 0 ? topK(durations, beamSize) : undefined;
    for (const { token } of topK(ranks, beamSize)) {
      const logprob = tokens[token] ?? -Infinity;
      const path = token === this.#config.tokens ? from.path : from.path.child(token, hotwords);
      if (tried === undefined) {
        // A blank moves on by a frame, a token stays.
        yield this.#moved(from, path, path === from.path ? 1 : 0, logprob, logprob);
        continue;
      }
      for (const { token: id, logprob: ofDuration } of tried) {
        const score = share * logprob + durationReward * ofDuration;
        yield this.#moved(from, path, this.#config.durations[id] ?? 0, logprob, score);
      }
    }
  }

  #moved(
    from: TransducerHypothesis,
    path: TokenPath,
    skipped: number,
    logprob: number,
    gain: number,
  ): TransducerHypothesis {
    const { frame } = from;
    const stuck = skipped > 0 ? 0 : from.stuck + 1;
    const isOver = stuck >= this.#config.maxSymbols;
    const emission = { token: path.token, frame, frames: Math.max(1, skipped), logprob };
    return {
      path,
      frame: isOver ? frame + 1 : frame + skipped,
      stuck: isOver ? 0 : stuck,
      emissions: path === from.path ? from.emissions : { emission, before: from.emissions },
      score: from.score + gain,
    };
  }
}
