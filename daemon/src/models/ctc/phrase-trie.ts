/**
 * Phrases to favor in a beam search, as an automaton over token ids (Aho and Corasick 1975). Each matched token earns a
 * weight; a match that ends early pays it back. So a text is favored as soon as it begins a phrase, and in the end only whole
 * phrases count. Phrases do not share tokens.
 */

/** A position in the automaton: the longest beginning of a phrase that ends at the current token. */
export interface PhraseState {
  readonly children: ReadonlyMap<number, PhraseState>;
  /** The next shorter match that ends here. */
  readonly fallback: PhraseState;
  /** Matched tokens. */
  readonly depth: number;
  /** Those that form a whole phrase. */
  readonly completed: number;
}

export interface PhraseOptions {
  /** In nats for each matched token. */
  readonly weight: number;
  /**
   * The token between words, if the model has one. Phrases are given without it at both ends, and match whole words only.
   * Without one they match anywhere.
   */
  readonly delimiter?: number;
}

class State implements PhraseState {
  readonly children = new Map<number, State>();
  fallback: State = this;
  completed = 0;
  isPhrase = false;

  constructor(readonly depth: number) {}
}

export class PhraseTrie {
  readonly #root = new State(0);
  /** Inside a word that begins no phrase; the root if a phrase may begin anywhere. */
  readonly #outside: State;
  readonly #weight: number;
  readonly #delimiter: number | undefined;

  constructor(phrases: Iterable<readonly number[]>, { weight, delimiter }: PhraseOptions) {
    this.#weight = weight;
    this.#delimiter = delimiter;
    this.#outside = delimiter === undefined ? this.#root : new State(0);
    for (const phrase of phrases) {
      if (phrase.length > 0) this.#add(delimiter === undefined ? phrase : [...phrase, delimiter]);
    }
    this.#link();
  }

  /** At the start of a text. */
  get start(): PhraseState {
    return this.#root;
  }

  /** @returns the state after `token`, and what the token earns: negative if it ends a match early */
  advance(state: PhraseState, token: number): { state: PhraseState; gain: number } {
    let gain = 0;
    for (let at = state; ;) {
      const child = at.children.get(token);
      if (child !== undefined) return { state: child, gain: this.#weight * (gain + 1) };
      if (at.depth === 0) return { state: this.#withoutMatch(token), gain: this.#weight * gain };
      const shorter = shorterMatch(at);
      gain -= at.depth - at.completed - shorter.depth;
      at = shorter;
    }
  }

  /** What the end of the text earns: an unfinished match is paid back. */
  finish(state: PhraseState): number {
    let gain = 0;
    for (let at = state; at.depth > 0;) {
      if (this.#endsPhrase(at)) break;
      const shorter = shorterMatch(at);
      gain -= at.depth - at.completed - shorter.depth;
      at = shorter;
    }
    return this.#weight * gain;
  }

  /** Whether a whole phrase ends if the text ends here. */
  #endsPhrase(state: PhraseState): boolean {
    if (this.#delimiter === undefined) return state.completed === state.depth;
    const end = state.children.get(this.#delimiter);
    return end?.completed === end?.depth && end !== undefined;
  }

  #withoutMatch(token: number): State {
    return token === this.#delimiter ? this.#root : this.#outside;
  }

  #add(phrase: readonly number[]): void {
    let at = this.#root;
    for (const token of phrase) {
      let child = at.children.get(token);
      if (child === undefined) at.children.set(token, (child = new State(at.depth + 1)));
      at = child;
    }
    at.isPhrase = true;
  }

  /** Sets the fallbacks, the shorter matches first. */
  #link(): void {
    const queue: State[] = [this.#root];
    for (const state of queue) {
      for (const [token, child] of state.children) {
        child.fallback = this.#fallbackOf(state, token);
        child.completed = child.isPhrase ? child.depth : state.completed;
        queue.push(child);
      }
    }
  }

  #fallbackOf(parent: State, token: number): State {
    for (let at = parent; at.depth > 0;) {
      at = at.fallback;
      const child = at.children.get(token);
      if (child !== undefined) return child;
    }
    return this.#withoutMatch(token);
  }
}

/** The next shorter match without tokens of the phrase that is complete already. */
function shorterMatch(state: PhraseState): PhraseState {
  let shorter = state.fallback;
  while (shorter.depth > state.depth - state.completed) shorter = shorter.fallback;
  return shorter;
}
