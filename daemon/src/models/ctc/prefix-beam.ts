/**
 * Prefix beam search over the output of a CTC model (Hannun et al., arXiv 1408.2873, without a language model): adds the
 * probabilities of all alignments of a text, where greedy decoding follows a single one.
 */
import { yieldToEventLoop } from '#daemon/async.js';

import { type Hotwords, INITIAL_STATE, type HotwordState } from '../hotwords/hotword-trie.js';
import type { Emissions } from './emissions.js';

export interface PrefixBeamOptions {
  readonly blank: number;
  /** Texts that are kept after each frame. */
  readonly beamSize: number;
  /** Texts this far below the best are dropped, in nats; default 10. */
  readonly maxDistance?: number;
  /** Tokens below this log probability are ignored in a frame, except the best one; default -6. */
  readonly minLogprob?: number;
  readonly hotwords?: Hotwords | undefined;
  readonly signal?: AbortSignal;
}

/** Frames until the event loop runs: some 10 ms of work. */
const FRAMES_PER_YIELD = 32;

/** A text of the beam. */
export interface PrefixBeamResult {
  readonly tokens: readonly number[];
  /** Natural-log probability of all its alignments that the beam kept. */
  readonly logprob: number;
  /** Of its hotwords. */
  readonly bonus: number;
}

/** @returns the best texts, the best first, at most `beamSize` @throws SottoError CANCELLED */
export async function prefixBeam(
  emissions: Emissions,
  options: PrefixBeamOptions,
): Promise<PrefixBeamResult[]> {
  const { blank, beamSize, maxDistance = 10, minLogprob = -6, hotwords, signal } = options;
  const root = new Prefix(undefined, undefined, INITIAL_STATE, 0);
  root.blank = 0;
  let beam = [root];
  for (let t = 0; t < emissions.frames; t++) {
    if (signal && t % FRAMES_PER_YIELD === 0) await yieldToEventLoop(signal);
    const frame = emissions.logprobs.subarray(t * emissions.classes, (t + 1) * emissions.classes);
    beam = nextBeam(beam, frame, candidates(frame, blank, minLogprob), blank, hotwords);
    beam.sort((a, b) => b.score - a.score);
    const limit = (beam[0]?.score ?? 0) - maxDistance;
    const within = beam.findIndex(({ score }) => score < limit);
    const kept = Math.min(beamSize, within < 0 ? beam.length : within);
    for (const dropped of beam.splice(kept)) dropped.forget();
  }
  return beam
    .map((prefix) => ({
      tokens: prefix.tokens,
      logprob: prefix.total,
      bonus: hotwords?.finalScore(prefix.state) ?? 0,
    }))
    .sort((a, b) => b.logprob + b.bonus - (a.logprob + a.bonus));
}

/** All texts after one more frame. */
function nextBeam(
  beam: readonly Prefix[],
  frame: Float32Array,
  ids: readonly number[],
  blank: number,
  hotwords: Hotwords | undefined,
): Prefix[] {
  const next = new Set<Prefix>();
  for (const prefix of beam) {
    next.add(prefix);
    prefix.nextBlank = addLogs(prefix.nextBlank, prefix.total + (frame[blank] ?? 0));
    if (prefix.token !== undefined) {
      prefix.nextToken = addLogs(prefix.nextToken, prefix.last + (frame[prefix.token] ?? 0));
    }
    for (const id of ids) {
      // The same token again is a new one only after a blank.
      const before = id === prefix.token ? prefix.blank : prefix.total;
      if (before === -Infinity) continue;
      const longer = prefix.child(id, hotwords);
      longer.nextToken = addLogs(longer.nextToken, before + (frame[id] ?? 0));
      next.add(longer);
    }
  }
  for (const prefix of next) prefix.commit();
  return [...next];
}

/** Tokens worth a try in a frame: the probable ones and the best, without the blank. */
function candidates(frame: Float32Array, blank: number, minLogprob: number): number[] {
  const ids: number[] = [];
  let best = -1;
  for (const [id, logprob] of frame.entries()) {
    if (id === blank) continue;
    if (logprob >= minLogprob) ids.push(id);
    if (best < 0 || logprob > (frame[best] ?? 0)) best = id;
  }
  return ids.length > 0 || best < 0 ? ids : [best];
}

/** A text of the beam, as the last node of a path through the tree of all texts. */
class Prefix {
  /** Log probabilities of its alignments that end in a blank, and in its last token. */
  blank = -Infinity;
  last = -Infinity;
  /** Those after the frame that is being added. */
  nextBlank = -Infinity;
  nextToken = -Infinity;
  /** Its rank in the beam. */
  score = 0;
  readonly #children = new Map<number, Prefix>();

  constructor(
    readonly parent: Prefix | undefined,
    readonly token: number | undefined,
    readonly state: HotwordState,
    /** Of its hotwords, started ones included. */
    readonly bonus: number,
  ) {}

  get total(): number {
    return addLogs(this.blank, this.last);
  }

  get tokens(): number[] {
    const tokens = this.token === undefined ? [] : [this.token];
    for (let at = this.parent; at?.token !== undefined; at = at.parent) tokens.push(at.token);
    return tokens.reverse();
  }

  child(id: number, hotwords: Hotwords | undefined): Prefix {
    let child = this.#children.get(id);
    if (child === undefined) {
      const state = hotwords?.advance(this.state, id) ?? this.state;
      child = new Prefix(this, id, state, hotwords?.score(state) ?? 0);
      this.#children.set(id, child);
    }
    return child;
  }

  commit(): void {
    this.blank = this.nextBlank;
    this.last = this.nextToken;
    this.nextBlank = this.nextToken = -Infinity;
    this.score = this.total + this.bonus;
  }

  /** Leaves the tree, unless longer texts of the beam begin with it. */
  forget(): void {
    this.blank = this.last = -Infinity;
    if (this.#children.size > 0 || this.parent === undefined || this.token === undefined) return;
    this.parent.#children.delete(this.token);
  }
}

/** ln(eᵃ + eᵇ) */
function addLogs(a: number, b: number): number {
  if (a === -Infinity) return b;
  if (b === -Infinity) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}
